import { killLeaders } from '../broker-faults.js';
import { expectNothingLost } from '../expect-nothing-lost.js';

describe('10 times kill -9 of a leader, on three nodes under 200 commands a second', () => {
  it('loses no acknowledged command, applies none twice, and gives a retry the same answer', async () => {
    expectNothingLost('leader killed 10 times', await killLeaders(10, 200));
  }, 1_200_000);
});
