import { latinOfNoName, lettersLikeLatin, signsLikeLatin } from './lookalikes.generated.js';

/** Scripts whose letters stand in names; a letter of another counts as a script of its own. */
const scripts: readonly (readonly [name: string, letter: RegExp])[] = [
  ['Latin', /\p{Script=Latin}/u],
  ['Cyrillic', /\p{Script=Cyrillic}/u],
  ['Greek', /\p{Script=Greek}/u],
  ['Han', /\p{Script=Han}/u],
  ['Hiragana', /\p{Script=Hiragana}/u],
  ['Katakana', /\p{Script=Katakana}/u],
  ['Hangul', /\p{Script=Hangul}/u],
  ['Bopomofo', /\p{Script=Bopomofo}/u],
  ['Arabic', /\p{Script=Arabic}/u],
  ['Hebrew', /\p{Script=Hebrew}/u],
  ['Devanagari', /\p{Script=Devanagari}/u],
  ['Bengali', /\p{Script=Bengali}/u],
  ['Tamil', /\p{Script=Tamil}/u],
  ['Thai', /\p{Script=Thai}/u],
  ['Armenian', /\p{Script=Armenian}/u],
  ['Georgian', /\p{Script=Georgian}/u],
  ['Ethiopic', /\p{Script=Ethiopic}/u],
];

/** Scripts that are written together: UTS #39 §5.2, Highly Restrictive. */
const writtenTogether: readonly ReadonlySet<string>[] = [
  new Set(['Latin', 'Han', 'Hiragana', 'Katakana']),
  new Set(['Latin', 'Han', 'Bopomofo']),
  new Set(['Latin', 'Han', 'Hangul']),
];

const likeLatin = codePoints(lettersLikeLatin);
const signs = codePoints(signsLikeLatin);
const ofNoName = codePoints(latinOfNoName);

/**
 * What is wrong with an application's name, in words for the person who chose it; undefined when nothing is. People
 * decide by this name whom they let at their data, so it must not show itself as another (security.md, Registration;
 * UTS #39).
 */
export function faultOfName(name: string): string | undefined {
  if (name.trim() !== name || name === '') return 'must not be empty, nor begin or end with a space';
  if (/\p{Bidi_Control}/u.test(name)) return 'must not contain characters that change the direction of text';
  // Format characters (zero-width joiners and the like), controls, line breaks, unassigned and private ones.
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(name)) return 'must not contain control or invisible characters';
  if (/[^\P{Zs} ]/u.test(name)) return 'must have plain spaces only';
  if (/ {2}/.test(name)) return 'must not have two spaces in a row';
  if (/\p{Default_Ignorable_Code_Point}|\p{M}{4}/u.test(name)) return 'must not contain invisible or stacked marks';
  if (!/[\p{L}\p{N}]/u.test(name)) return 'must contain a letter or a digit';
  const letters = [...name.normalize('NFC')].filter((each) => /[\p{L}\p{N}]/u.test(each));
  if (letters.some((each) => each.normalize('NFKC') !== each)) {
    return 'must be written in ordinary letters and digits, not in styled or full-width forms';
  }
  const used = new Set(letters.filter((each) => /\p{L}/u.test(each)).map(scriptOf));
  used.delete('Common');
  if (used.size > 1 && !writtenTogether.some((together) => [...used].every((script) => together.has(script)))) {
    return `must not mix letters of different scripts (${[...used].sort().join(', ')})`;
  }
  return readsAsAnother(name.normalize('NFC'), letters);
}

/**
 * Whether the name reads as Latin without being it: the letters of its skeleton (UTS #39 §4) are Latin ones as a whole,
 * though its own are not; so do phonetic letters within Latin, and signs within a word. A name of another script
 * passes with one letter that no reader takes for a Latin one.
 */
function readsAsAnother(name: string, letters: readonly string[]): string | undefined {
  if (letters.some((each) => ofNoName.has(each))) {
    return 'must not contain phonetic or historic letters that look like others';
  }
  const characters = [...name];
  const besideLetter = (at: number) =>
    [characters[at - 1], characters[at + 1]].some((each) => each !== undefined && /\p{L}/u.test(each));
  if (characters.some((each, at) => signs.has(each) && besideLetter(at))) {
    return 'must not contain signs that look like letters within a word';
  }
  const foreign = letters.filter((each) => !/[0-9]|\p{Script=Latin}/u.test(each));
  if (foreign.length > 0 && foreign.every((each) => likeLatin.has(each))) {
    return 'must not look like Latin letters in another script';
  }
  return undefined;
}

/** The characters of a list such as `37b 386-388`. */
function codePoints(listed: string): ReadonlySet<string> {
  return new Set(
    listed.split(' ').flatMap((run) => {
      const [from = NaN, to = from] = run.split('-').map((point) => parseInt(point, 16));
      return Array.from({ length: to - from + 1 }, (_, index) => String.fromCodePoint(from + index));
    }),
  );
}

function scriptOf(letter: string): string {
  if (/\p{Script=Common}|\p{Script=Inherited}/u.test(letter)) return 'Common';
  return scripts.find(([, of]) => of.test(letter))?.[0] ?? 'another';
}
