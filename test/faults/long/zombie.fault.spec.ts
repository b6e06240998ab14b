import { wakeZombies } from '../writer-faults.js';
import { expectNothingLost } from '../expect-nothing-lost.js';

describe('10 zombies under 200 commands a second', () => {
  it('write nothing, and nothing is lost or doubled', async () => {
    const report = await wakeZombies(10, 200);
    expectNothingLost('10 zombies', report);
    expect(report.takeovers).toBeGreaterThanOrEqual(40);
  }, 600_000);
});
