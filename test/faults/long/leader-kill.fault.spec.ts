import { killLeaders } from '../writer-faults.js';

describe('10 times kill -9 of a leader, on three nodes under load', () => {
  it('loses no acknowledged command and applies none twice', async () => {
    const report = await killLeaders(10, 200);
    process.stdout.write(`${JSON.stringify({ ...report, faults: report.faults.length })}\n`);
    expect(report.faults).toEqual([]);
    expect(report.answers).toEqual({ succeeded: report.told });
  }, 1_200_000);
});
