import { asKept, freeze, frozen } from './frozen.js';
import { foldings } from './folds.js';

const named = foldings.map((folding) => [folding.name, folding] as const);

// Writes what is new, and what has a new version: `FREEZE=1 npm run test:unit -- test/released-folds`.
if (process.env['FREEZE'] === '1') for (const folding of foldings) freeze(folding);

describe.each(named)('what is made of the golden records: %s', (name, folding) => {
  it('takes every record', () => {
    const taken = new Set(folding.steps().map(([file]) => file));
    expect(folding.all.filter((file) => !taken.has(file))).toEqual([]); // else add it to a life in folds.ts
  });

  it('is what earlier releases made of them, unless its version was raised', () => {
    const kept = frozen(name);
    const now = asKept(folding);
    // A version that was raised makes snapshots and rows anew; its steps are frozen again.
    expect(kept?.version).toBe(now.version);
    expect(now.steps).toEqual(kept?.steps);
  });
});
