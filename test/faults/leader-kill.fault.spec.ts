import { killLeaderThenStopBroker } from './broker-faults.js';
import { expectNothingLost } from './expect-nothing-lost.js';

describe('three nodes under load: kill -9 of a leader, then of the whole broker for 5 s', () => {
  it('loses no acknowledged command, applies none twice, and gives a retry the same answer', async () => {
    const report = await killLeaderThenStopBroker(5_000, 60);
    expectNothingLost('leader killed once, then all nodes for 5 s', report);
    expect(report.waits.notAppended + report.waits.pending).toBeGreaterThan(0);
  }, 300_000);
});
