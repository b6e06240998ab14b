import { killWriters } from './writer-faults.js';
import { expectNothingLost } from './expect-nothing-lost.js';

describe('kill -9 of a writer under load', () => {
  it('loses no acknowledged command, applies none twice, and gives a retry the same answer', async () => {
    expectNothingLost('writer killed 3 times', await killWriters(3, 100));
  }, 240_000);
});
