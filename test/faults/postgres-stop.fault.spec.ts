import { expectNothingLost } from './expect-nothing-lost.js';
import { stopPostgres } from './postgres-faults.js';

describe('Postgres stopped under load', () => {
  it('holds up no command, and projections catch up without applying anything twice', async () => {
    const report = await stopPostgres(5_000, 80);
    expectNothingLost('Postgres stopped for 5 s', report);
    expect(report.waits).toMatchObject({ notAppended: 0, expired: 0 });
  }, 180_000);
});
