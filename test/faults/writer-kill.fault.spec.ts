import { killWriters } from './writer-faults.js';

describe('kill -9 of a writer under load', () => {
  it('loses no acknowledged command and applies none twice', async () => {
    const report = await killWriters(4, 100);
    expect(report.faults).toEqual([]);
    expect(report.answers).toEqual({ succeeded: report.told });
    expect(report.told).toBeGreaterThan(200);
  }, 240_000);
});
