import { stopBroker } from '../broker-faults.js';
import { expectNothingLost } from '../expect-nothing-lost.js';

describe('the whole broker stopped for 15 s under 200 commands a second', () => {
  it('answers 503 or 202 meanwhile, never anything wrong, and the truth afterwards', async () => {
    const report = await stopBroker(15_000, 200);
    expectNothingLost('broker stopped for 15 s', report);
    expect(report.waits.notAppended + report.waits.pending).toBeGreaterThan(0);
  }, 300_000);
});
