import { faultOfName } from './application-name.js';

describe('the name of an application', () => {
  it.each([
    'Heart Diary',
    'Müller & Søn 2.0',
    'Дневник здоровья',
    '健康ノート',
    'Health 健康 カルテ',
    '건강 Note',
    'مذكرات',
    'Care™',
    'Ωmega'.slice(1),
  ])('takes %j', (name) => {
    expect(faultOfName(name)).toBeUndefined();
  });

  it.each([
    ['a right-to-left override', 'Heart\u202eyraiD', /direction/],
    ['an isolate', 'Heart\u2066 Diary', /direction/],
    ['a newline', 'Heart\nDiary', /control/],
    ['a zero-width space', 'Heart\u200bDiary', /invisible/],
    ['a soft hyphen', 'Heart\u00adDiary', /invisible/],
    ['a Hangul filler', 'Heart\u3164Diary', /invisible/],
    ['a no-break space', 'Heart\u00a0Diary', /plain spaces/],
    ['a Cyrillic a among Latin letters', 'He\u0430rt Diary', /mix letters.*Cyrillic, Latin/],
    ['a Greek omicron among Latin letters', 'D\u03bfctor', /Greek, Latin/],
    ['Cyrillic letters alone that read as Latin', '\u0430\u0440\u0440\u04cf\u0435', /look like Latin/],
    ['full-width letters', '\uff28\uff45\uff41rt', /ordinary letters/],
    ['mathematical letters', '\u{1d407}eart', /ordinary letters/],
    ['a heap of marks', 'H\u0301\u0302\u0304\u0308\u030aeart', /stacked/],
    ['a space at its end', 'Heart ', /begin or end/],
    ['no letter', '***', /letter or a digit/],
    ['an unpaired surrogate', 'Heart\ud800', /control/],
  ])('refuses %s', (_what, name, why) => {
    expect(faultOfName(name)).toMatch(why);
  });
});
