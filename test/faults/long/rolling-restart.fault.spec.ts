import { expectNoFailedRequest, rollingRestart } from '../../rolling-restart/rolling-restart.js';

/** Of `npm run test:faults`. Without restarts and at another rate it shows what a machine carries: on two cores this, not 150. */
const perSecond = Number(process.env['ROLLING_PER_SECOND'] ?? 100);

describe('every instance of every app is restarted in turn under mixed use, behind one front', () => {
  it('no request fails that one retry does not cure, nothing is lost or doubled, each call is on record', async () => {
    const report = await rollingRestart({
      perSecond,
      programs: 8,
      restarts: process.env['ROLLING_RESTARTS'] === 'none' ? 'none' : 'in-turn',
      aroundMs: 10_000,
    });
    expectNoFailedRequest(report);
  }, 1_200_000);
});
