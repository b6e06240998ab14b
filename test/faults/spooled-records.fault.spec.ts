import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isolate, type Isolation } from '../environment/isolation.js';
import { AlertWatch } from '../alerts/alert-watch.js';
import { FhirCall } from '../fleet/fhir-call.js';
import { Fleet } from '../fleet/fleet.js';
import { paths } from '../fleet/slow-upstream.js';
import { readTopic } from './raw-log.js';

const AT_ONCE = 5;

describe('a gateway whose records may wait on the disk, without Kafka, killed, and back', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spooled-'));
  let own: Isolation;
  let fleet: Fleet;
  let spoolMaxBytes = 67_108_864;

  beforeAll(async () => {
    own = await isolate();
    const endpointsOf = (upstreamUrl: string) => {
      const file = join(folder, 'endpoints.json');
      const endpoints = [{ id: 'default', upstreamUrl, auditAvailable: ['read'] }];
      writeFileSync(file, JSON.stringify({ endpoints }));
      const bound = String(spoolMaxBytes);
      return {
        FHIR_ENDPOINTS: file,
        GATEWAY_SPOOL_FOLDER: join(folder, 'spool'),
        GATEWAY_SPOOL_MAX_BYTES: bound,
      };
    };
    fleet = await Fleet.start(own, { gateways: 1, applications: 1, endpointsOf });
  }, 120_000);

  afterAll(async () => {
    await fleet.stop();
    await own.dispose();
    rmSync(folder, { recursive: true });
  }, 60_000);

  it('answers as long as its lease lasts and no longer, and the log has each answered call once', async () => {
    const [gateway] = fleet.gateways;
    const [application] = fleet.applications;
    if (!gateway || !application) throw new Error('nothing was started');
    const calls: FhirCall[] = [];
    const callSome = async () => {
      const { port } = gateway.process;
      const some = Array.from({ length: AT_ONCE }, () => FhirCall.start(port, paths.quick, application.token));
      calls.push(...some);
      await Promise.all(some.map(({ ended }) => ended));
      return some.map(({ status }) => status);
    };
    expect(await callSome()).toEqual(Array.from({ length: AT_ONCE }, () => 200));
    const before = calls.length;

    gateway.relay.set('silent');
    expect(await callSome()).toEqual(Array.from({ length: AT_ONCE }, () => 200));
    const health = await fetch(`${gateway.process.url}/health/ready`);
    expect(await health.json()).toMatchObject({ modes: ['audit-available', 'audit-spooled'] });
    const { annotations } = await new AlertWatch({ g1: gateway.process.url }).fires('GatehouseRecordsSpooled');
    const [, waiting] = /^(\d+) audit records wait on the disk of g1/.exec(annotations['summary'] ?? '') ?? [];
    expect(Number(waiting)).toBeGreaterThanOrEqual(AT_ONCE);
    // What is in force is not known for longer: the lease ends, whatever the disk could keep.
    while (!(await callSome()).includes(503));
    expect(await callSome()).toEqual(Array.from({ length: AT_ONCE }, () => 503));

    const watch = new AlertWatch({ g1: { url: gateway.process.url, service: 'gateway' } });
    await fleet.killGateway();
    await watch.fires('GatehouseServiceDown', { service: 'gateway' });
    watch.gone('g1');
    await watch.fires('GatehouseServiceAbsent', { service: 'gateway' });
    const { process: next } = await fleet.addGateway();
    const spooled = async () =>
      ((await (await fetch(`${next.url}/health/ready`)).json()) as { readonly modes: readonly string[] }).modes;
    while ((await spooled()).includes('audit-spooled'));

    const records = await readTopic(own.brokers, `${own.prefix}gatehouse.activity`);
    const faults = calls.flatMap((call) => {
      if (call.status !== 200) return [];
      const id = call.header('x-correlation-id');
      const its = records.filter(
        ({ value }) => value['correlationid'] === id && String(value['type']).includes('access-allowed'),
      );
      // A repeat is the same record: readers know it by its id, its run and its number.
      const different = new Set(its.map(({ value }) => [value['id'], value['run'], value['sequence']].join(' ')));
      return different.size === 1 ? [] : [`${different.size} records of the call ${id}`];
    });
    expect(faults).toEqual([]);
    const answered = calls.filter(({ status }) => status === 200);
    expect(answered.length).toBeGreaterThan(before + AT_ONCE);
    const unnamed = answered.slice(before).filter((call) => call.header('gatehouse-position') === undefined);
    expect(unnamed.length).toBeGreaterThan(0);
    expect(gapsIn(records)).toEqual([]);
  }, 120_000);

  it('an alert says so before its disk is full', async () => {
    spoolMaxBytes = 1_048_576;
    await fleet.killGateway();
    const { process: next, relay } = await fleet.addGateway();
    const [application] = fleet.applications;
    relay.set('silent');
    const meanwhile = async () =>
      await Promise.all(
        Array.from({ length: 60 }, () => FhirCall.start(next.port, paths.quick, application?.token ?? '').ended),
      );
    await new AlertWatch({ g1: next.url }).fires('GatehouseSpoolNearlyFull', { instance: 'g1' }, { meanwhile });
    relay.set('open');
  }, 60_000);
});

/** Numbers that are left out in a run, or come before a lower one that was not there yet. */
function gapsIn(records: Awaited<ReturnType<typeof readTopic>>): readonly string[] {
  const next = new Map<string, number>();
  return records.flatMap(({ partition, value }) => {
    const run = `${String(value['run'])} ${partition}`;
    const [due, number] = [next.get(run) ?? 0, Number(value['sequence'])];
    if (number < due) return [];
    next.set(run, number + 1);
    return number === due ? [] : [`${run}: ${number} in the place of ${due}`];
  });
}
