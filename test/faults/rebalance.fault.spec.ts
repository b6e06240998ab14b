import { expectNothingLost } from './expect-nothing-lost.js';
import { rebalance } from './writer-faults.js';

describe('instances that join and leave under load', () => {
  it('lose no acknowledged command, apply none twice, and give a retry the same answer', async () => {
    const report = await rebalance(3, 80);
    expectNothingLost('3 rebalances', report);
    expect(report.takeovers).toBeGreaterThan(3);
  }, 180_000);
});
