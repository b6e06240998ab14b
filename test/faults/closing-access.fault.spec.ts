import { isolate, type Isolation } from '../environment/isolation.js';
import { AlertWatch } from '../alerts/alert-watch.js';
import { ApplicationLoad } from '../fleet/application-load.js';
import { checkAudit } from '../fleet/audit-checker.js';
import { FhirCall } from '../fleet/fhir-call.js';
import { Fleet, type FleetApplication } from '../fleet/fleet.js';
import { paths } from '../fleet/slow-upstream.js';
import { revokeUnderLoad } from '../fleet/under-load.js';
import { until } from '../fleet/until.js';

describe('closing access at three gateways, each a process', () => {
  let own: Isolation;
  let fleet: Fleet;
  let fresh: FleetApplication[];

  beforeAll(async () => {
    own = await isolate();
    fleet = await Fleet.start(own, { gateways: 3, applications: 32 });
    fresh = [...fleet.applications];
  }, 120_000);

  afterAll(async () => {
    await fleet.stop();
    await own.dispose();
  }, 60_000);

  const applications = (count: number): FleetApplication[] => fresh.splice(0, count);

  function anApplication(): FleetApplication {
    const [application] = applications(1);
    if (!application) throw new Error('no application is left');
    return application;
  }

  it('cuts 200 slow calls at each before the receipt', async () => {
    const load = new ApplicationLoad(fleet, anApplication());
    await load.start();
    const dripping = load.callEach(paths.dripping, { times: 200 });
    const large = load.callEach(paths.large, { times: 2, slowly: true });
    await until(
      () => {
        [dripping, large].forEach((calls) => load.callAgainWhereRefused(calls));
        return large.every(({ status }) => status === 200) && fleet.upstream.dripping() === dripping.length;
      },
      () => ({ large: statuses(large), dripping: fleet.upstream.dripping(), answered: statuses(dripping) }),
    );

    const seen = await load.close('revocation');
    expect(seen.faults).toEqual([]);
    expect(seen.receipt).toMatchObject({ outstanding: [], inFlightWrites: 0 });
    expect(seen.receipt.enforcementPoints).toHaveLength(3);
    expect(dripping.filter(({ status }) => status === 200)).toEqual([]);
    await until(() => fleet.upstream.dripping() === 0, fleet.upstream.dripping);
    expect(await checkAudit(fleet, [seen])).toEqual([]);
  }, 120_000);

  it('suspension does the same; after reinstatement the old token stays dead, and a new one is let in at once', async () => {
    const application = anApplication();
    const load = new ApplicationLoad(fleet, application);
    await load.start();
    const seen = await load.close('suspension');
    expect(seen.faults).toEqual([]);
    await fleet.close(application, 'reinstatement');
    const answers = async (token: string) =>
      await Promise.all(
        fleet.gateways.map(async ({ process }) => {
          const call = FhirCall.start(process.port, paths.quick, token);
          await call.ended;
          return call.status;
        }),
      );
    expect(await answers(application.token)).toEqual([401, 401, 401]);
    expect(await answers(await application.tokenOfEpoch(1))).toEqual([200, 200, 200]);
  }, 120_000);

  it('keeps its promise one revocation after the other, under load, while a fourth gateway joins', async () => {
    const joined = fleet.addGateway();
    const seen = await revokeUnderLoad(fleet, applications(20));
    await joined;
    seen.push(...(await revokeUnderLoad(fleet, applications(6))));
    expect(seen.flatMap(({ faults }) => faults)).toEqual([]);
    expect(seen.flatMap(({ receipt }) => receipt.outstanding)).toEqual([]);
    expect(await checkAudit(fleet, seen)).toEqual([]);
  }, 180_000);

  it('counts on no gateway that is cut off, cannot read or is stopped, none of them lets anything out, and alerts say so', async () => {
    const [cutOff, stuck, stopped] = fleet.gateways;
    if (!cutOff || !stuck || !stopped) throw new Error('three gateways are needed');
    const load = new ApplicationLoad(fleet, anApplication());
    const others = new ApplicationLoad(fleet, anApplication());
    await Promise.all([load.start(), others.start()]);
    load.callEach(paths.dripping, { times: 20 });
    const large = [load, others].map((each) => each.callEach(paths.large, { times: 2, slowly: true }));
    await until(
      () => {
        large.forEach((calls, of) => (of === 0 ? load : others).callAgainWhereRefused(calls));
        return large.flat().every(({ status }) => status === 200);
      },
      () => statuses(large.flat()),
    );

    const watch = new AlertWatch({
      registration: fleet.registration.url,
      'cut off': cutOff.process.url,
      stuck: stuck.process.url,
    });
    expect(await watch.settles()).toEqual([]);

    cutOff.relay.set('silent');
    stuck.relay.set('fetches-held');
    stopped.process.signal('SIGSTOP');
    const seen = await load.close('revocation', async ({ outstanding, enforcementPoints }) => {
      expect(outstanding).toHaveLength(3);
      expect(enforcementPoints).toHaveLength(fleet.gateways.length - 3);
      for (const { process } of [cutOff, stuck]) {
        const call = FhirCall.start(process.port, paths.quick, others.application.token);
        await call.ended;
        expect({ status: call.status, retryAfter: call.header('retry-after') }).toEqual({
          status: 503,
          retryAfter: expect.stringMatching(/^\d+$/),
        });
      }
      for (const instance of ['cut off', 'stuck']) {
        await watch.fires('GatehouseLeaseLost', { instance, kind: 'gateway' });
        await watch.fires('GatehouseNotReady', { instance, check: 'gateway lease' });
      }
      await watch.fires('GatehouseAuditNotAcknowledged', { instance: 'cut off' });
      await watch.fires('GatehouseRevocationIncomplete', { instance: 'registration' });
      await watch.fires('GatehouseRevocationSlow');
      stopped.process.signal('SIGCONT');
      stuck.relay.set('open');
      cutOff.relay.set('open');
    });
    expect(seen.faults).toEqual([]);
    expect(await checkAudit(fleet, [seen])).toEqual([]);

    // All come back by themselves, and know the revocation.
    await others.stop();
    const again = new ApplicationLoad(fleet, others.application);
    await again.start();
    await again.stop();
    const late = load.callEach(paths.quick);
    await Promise.all(late.map(({ ended }) => ended));
    expect(late.map(({ status }) => status)).toEqual(fleet.gateways.map(() => 401));
  }, 180_000);
});

function statuses(calls: readonly FhirCall[]): (number | undefined)[] {
  return [...new Set(calls.map(({ status }) => status))];
}
