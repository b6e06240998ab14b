import { killWriters } from '../writer-faults.js';
import { expectNothingLost } from '../expect-nothing-lost.js';

describe('50 times kill -9 of a writer under 200 commands a second', () => {
  it('loses no acknowledged command, applies none twice, and gives a retry the same answer', async () => {
    expectNothingLost('writer killed 50 times', await killWriters(50, 200));
  }, 1_800_000);
});
