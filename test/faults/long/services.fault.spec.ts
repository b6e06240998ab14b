import { expectOnlyClearAnswers, takeAway } from '../service-faults.js';

describe('two instances of registration, under 40 commands a second over REST', () => {
  it('go on with commands while Postgres is away for 20 s, and say clearly that they cannot read', async () => {
    const report = await takeAway('postgres', 20_000, 40);
    expectOnlyClearAnswers('registration without Postgres for 20 s', report);
    expect(report.statuses['GET 503']).toBeGreaterThan(0);
    // A registration seals its contacts with a key from Postgres; a change of the description needs none.
    expect(report.statuses).not.toHaveProperty('PATCH 503');
  }, 300_000);

  it('answer 503 or 202 while the broker is away for 15 s, and the truth afterwards', async () => {
    const report = await takeAway('kafka', 15_000, 40);
    expectOnlyClearAnswers('registration without Kafka for 15 s', report);
    const { 'POST 503': unavailable = 0, 'PATCH 503': unchanged = 0, 'PATCH 202': accepted = 0 } = report.statuses;
    expect(unavailable + unchanged + accepted).toBeGreaterThan(0);
  }, 300_000);
});
