import { isolate, type Isolation } from '../environment/isolation.js';
import { Fleet } from '../fleet/fleet.js';
import { killInFlight } from '../fleet/kill-in-flight.js';

describe('a gateway that is killed with calls in flight', () => {
  let own: Isolation;
  let fleet: Fleet;

  beforeAll(async () => {
    own = await isolate();
    fleet = await Fleet.start(own, { gateways: 1, applications: 1 });
  }, 120_000);

  afterAll(async () => {
    await fleet.stop();
    await own.dispose();
  }, 60_000);

  it('has the record of every call that it answered, and the next one lets calls in', async () => {
    const [application] = fleet.applications;
    if (!application) throw new Error('no application');
    const first = await killInFlight(fleet, application, { calls: 200 });
    expect(first.faults).toEqual([]);
    expect(first.answered).toBeGreaterThanOrEqual(20);
    const second = await killInFlight(fleet, application, { calls: 200 });
    expect(second.faults).toEqual([]);
    expect(second.answered).toBeGreaterThanOrEqual(20);
  }, 120_000);
});
