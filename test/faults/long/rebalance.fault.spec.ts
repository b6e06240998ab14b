import { rebalance } from '../writer-faults.js';
import { expectNothingLost } from '../expect-nothing-lost.js';

describe('instances join and leave every 5 s for 2 minutes, under 200 commands a second', () => {
  it('loses no acknowledged command, applies none twice, and gives a retry the same answer', async () => {
    const report = await rebalance(24, 200);
    expectNothingLost('24 rebalances', report);
    expect(report.takeovers).toBeGreaterThan(24);
  }, 600_000);
});
