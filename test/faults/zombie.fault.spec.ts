import { wakeZombies } from './writer-faults.js';
import { expectNothingLost } from './expect-nothing-lost.js';

describe('a writer that is stopped past its session and wakes', () => {
  it('writes nothing, and nothing is lost or doubled', async () => {
    const report = await wakeZombies(1, 80);
    expectNothingLost('zombie', report);
    expect(report.takeovers).toBeGreaterThanOrEqual(4); // half of the partitions at least went to the other
  }, 120_000);
});
