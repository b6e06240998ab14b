import { killLeaders } from './writer-faults.js';

describe('kill -9 of a leader, on three nodes under load', () => {
  it('loses no acknowledged command and applies none twice', async () => {
    const report = await killLeaders(1, 60);
    expect(report.faults).toEqual([]);
    expect(report.answers).toEqual({ succeeded: report.told });
  }, 240_000);
});
