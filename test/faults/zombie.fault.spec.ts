import { wakeZombie } from './writer-faults.js';

describe('a writer that is stopped past its session and wakes', () => {
  it('writes nothing, and nothing is lost or doubled', async () => {
    const report = await wakeZombie(80);
    expect(report.faults).toEqual([]);
    expect(report.answers).toEqual({ succeeded: report.told });
  }, 120_000);
});
