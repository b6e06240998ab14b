import { stopPostgres } from '../postgres-faults.js';
import { expectNothingLost } from '../expect-nothing-lost.js';

describe('Postgres stopped for 20 s under 200 commands a second', () => {
  it('holds up no command, and projections catch up without applying anything twice', async () => {
    const report = await stopPostgres(20_000, 200);
    expectNothingLost('Postgres stopped for 20 s', report);
    expect(report.waits).toMatchObject({ notAppended: 0, expired: 0 });
  }, 300_000);
});
