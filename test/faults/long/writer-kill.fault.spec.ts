import { describe, expect, it } from '@jest/globals';
import { killWriters } from '../writer-kill.js';

describe('50 times kill -9 of a writer under 200 commands a second', () => {
  it('loses no acknowledged command and applies none twice', async () => {
    const report = await killWriters(50, 200);
    process.stdout.write(`${JSON.stringify({ ...report, faults: report.faults.length })}\n`);
    expect(report.faults).toEqual([]);
    expect(report.unanswered).toBe(0);
  }, 1_800_000);
});
