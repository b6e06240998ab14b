import { isolate, type Isolation } from '../../environment/isolation.js';
import { ApplicationLoad, type ClosureSeen } from '../../fleet/application-load.js';
import { checkAudit } from '../../fleet/audit-checker.js';
import { Fleet } from '../../fleet/fleet.js';
import { paths } from '../../fleet/slow-upstream.js';
import { revokeUnderLoad } from '../../fleet/under-load.js';
import { until } from '../../fleet/until.js';

const REVOCATIONS = 1_000;
const STOPS = 10;

describe('closing access under load, long', () => {
  let own: Isolation;
  let fleet: Fleet;

  beforeAll(async () => {
    own = await isolate();
    fleet = await Fleet.start(own, { gateways: 3, applications: REVOCATIONS + 2 * STOPS });
  }, 300_000);

  afterAll(async () => {
    await fleet.stop();
    await own.dispose();
  }, 60_000);

  it(`${REVOCATIONS} revocations while gateways join and leave: no byte after any receipt, every call on record`, async () => {
    const seen = await revokeUnderLoad(fleet, fleet.applications.slice(0, REVOCATIONS), (count) => {
      // One joins and one leaves, one after the other, all the while.
      if (count % 100 === 50) void fleet.addGateway();
      if (count % 100 === 0) void fleet.removeGateway();
    });
    print('revocations', seen);
    expect(seen).toHaveLength(REVOCATIONS);
    expect(seen.flatMap(({ faults }) => faults)).toEqual([]);
    expect(await checkAudit(fleet, seen)).toEqual([]);
  }, 1_800_000);

  it(`${STOPS} times a gateway is stopped past its lease and resumed with slow calls under way`, async () => {
    const applications = fleet.applications.slice(REVOCATIONS);
    const seen: ClosureSeen[] = [];
    for (let round = 0; round < STOPS; round++) {
      const [first, second] = applications.splice(0, 2).map((application) => new ApplicationLoad(fleet, application));
      const stopped = fleet.gateways[round % fleet.gateways.length];
      if (!first || !second || !stopped) throw new Error('no application is left');
      await Promise.all([first.start(), second.start()]);
      first.callEach(paths.dripping, { times: 50 });
      const large = first.callEach(paths.large, { times: 5, slowly: true });
      await until(
        () => {
          first.callAgainWhereRefused(large);
          return large.every(({ status }) => status === 200);
        },
        () => large.map(({ status }) => status),
      );
      stopped.process.signal('SIGSTOP');
      seen.push(
        await first.close('revocation', (receipt) => {
          expect(receipt.outstanding).toHaveLength(1);
          stopped.process.signal('SIGCONT');
          return Promise.resolve();
        }),
      );
      await second.start();
      seen.push(await second.close('revocation'));
    }
    print('stops', seen);
    expect(seen.flatMap(({ faults }) => faults)).toEqual([]);
    expect(await checkAudit(fleet, seen)).toEqual([]);
  }, 1_800_000);
});

function print(what: string, seen: readonly ClosureSeen[]): void {
  const took = seen.map(({ tookMs }) => Math.round(tookMs)).sort((a, b) => a - b);
  const at = (share: number) => took[Math.floor(took.length * share)];
  const calls = seen.flatMap((closure) => closure.calls);
  const statuses = Map.groupBy(calls, ({ status }) => String(status));
  const counts = [...statuses].map(([status, { length }]) => [status, length] as const);
  process.stdout.write(
    `${JSON.stringify({ what, closures: seen.length, tookMs: { p50: at(0.5), p99: at(0.99) }, calls: calls.length, answers: Object.fromEntries(counts), faults: seen.flatMap(({ faults }) => faults).length })}\n`,
  );
}
