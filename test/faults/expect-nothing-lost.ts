import type { FaultReport } from './under-load.js';

/** What every fault test ends in; prints the figures first. */
export function expectNothingLost(fault: string, report: FaultReport): void {
  const { commands, answers, waits, takeovers, faults } = report;
  const shown = { fault, commands, answers, ...waits, takeovers, faults: faults.length };
  process.stdout.write(
    `${JSON.stringify(shown, (_key, value: unknown) => (typeof value === 'number' ? Math.round(value) : value))}\n`,
  );
  expect(faults).toEqual([]);
  // Every command has an answer in the end, and the load knows of no other than these two.
  const { succeeded = 0, refused = 0 } = answers;
  expect(answers).toEqual({ succeeded, refused });
  expect(succeeded + refused).toBe(commands);
  expect(waits.repeated).toBeGreaterThan(0);
}
