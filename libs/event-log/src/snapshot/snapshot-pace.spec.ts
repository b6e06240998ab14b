import { Progress, type Pace } from './snapshot-pace.js';

const pace: Pace = { records: 100, restMs: 10, fewRecords: 10, idleMs: 50 };

describe('when a snapshot is due', () => {
  it.each([
    { records: 99, after: 40, due: false, why: 'little is new' },
    { records: 100, after: 9, due: false, why: 'the last one was just now' },
    { records: 100, after: 10, due: true, why: 'much is new' },
    { records: 10, after: 49, due: false, why: 'little is new' },
    { records: 10, after: 50, due: true, why: 'the last one is old' },
    { records: 9, after: 1_000, due: false, why: 'so little is read again quicker' },
  ])('$records records, $after ms later: $due ($why)', ({ records, after, due }) => {
    const progress = new Progress(pace, 1_000);
    progress.moved(records);
    expect(progress.due(1_000 + after)).toBe(due);
  });

  it('counts anew from where the last one was begun', () => {
    const progress = new Progress(pace, 0);
    progress.moved(500);
    progress.begun(60);
    expect(progress.due(1_000)).toBe(false);
    expect(progress.worthLeaving).toBe(false);
    progress.moved(10);
    expect(progress.worthLeaving).toBe(true);
    expect(progress.due(110)).toBe(true);
  });
});
