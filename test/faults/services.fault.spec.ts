import { AlertWatch } from '../alerts/alert-watch.js';
import { expectOnlyClearAnswers, takeAway } from './service-faults.js';

describe('two instances of registration, under load over REST', () => {
  it('go on with commands while Postgres is away, say clearly that they cannot read, and alerts say so', async () => {
    const report = await takeAway('postgres', 4_000, 20, async ([service]) => {
      const watch = new AlertWatch({ g1: service?.url ?? '' });
      await watch.fires('GatehouseNotReady', { instance: 'g1', check: 'database' });
      await watch.fires('GatehouseErrors', { instance: 'g1' });
    });
    expectOnlyClearAnswers('registration without Postgres for 4 s', report);
    expect(report.statuses['GET 503']).toBeGreaterThan(0);
    // A registration seals its contacts with a key from Postgres; a change of the description needs none.
    expect(report.statuses).not.toHaveProperty('PATCH 503');
  }, 180_000);
});
