import { isolate, type Isolation } from '../../environment/isolation.js';
import { Fleet } from '../../fleet/fleet.js';
import { killInFlight } from '../../fleet/kill-in-flight.js';

const KILLS = 10;
const CALLS = 1_000;

describe('gateways that are killed with calls in flight, long', () => {
  let own: Isolation;
  let fleet: Fleet;

  beforeAll(async () => {
    own = await isolate();
    fleet = await Fleet.start(own, { gateways: 1, applications: KILLS });
  }, 300_000);

  afterAll(async () => {
    await fleet.stop();
    await own.dispose();
  }, 60_000);

  it(`${KILLS} times with ${CALLS} calls: every answered one is on record`, async () => {
    const answered: number[] = [];
    const unanswered: number[] = [];
    for (const application of fleet.applications) {
      const killed = await killInFlight(fleet, application, { calls: CALLS });
      expect(killed.faults).toEqual([]);
      answered.push(killed.answered);
      unanswered.push(killed.unanswered);
    }
    process.stdout.write(`${JSON.stringify({ what: 'kills', calls: CALLS, answered, unanswered })}\n`);
    expect(Math.min(...answered)).toBeGreaterThan(0);
    expect(Math.max(...unanswered)).toBeGreaterThan(0);
  }, 1_800_000);
});
