import { killWriters } from '../writer-faults.js';

describe('50 times kill -9 of a writer under 200 commands a second', () => {
  it('loses no acknowledged command and applies none twice', async () => {
    const report = await killWriters(50, 200);
    process.stdout.write(`${JSON.stringify({ ...report, faults: report.faults.length })}\n`);
    expect(report.faults).toEqual([]);
    expect(report.answers).toEqual({ succeeded: report.told });
  }, 1_800_000);
});
