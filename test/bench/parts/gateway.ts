import { type Bench, type BenchPart, spread } from '../bench.js';
import { GatewayUnderLoad } from '../gateway-fleet.js';
import { httpRequest, type LoadResult } from '../load/load-plan.js';
import { type DecisionPeer, peersOf, questionsOf } from '../peers.js';
import { type Load, startLoad, startProxy, startUpstream } from '../load/processes.js';
import { pin, processorMs, residentMegabytes } from '../machine.js';

const RUNS = 3;
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 5);
/** Until V8 has compiled what is called so often: on one core it does that in the time of the calls. */
const WARM_SECONDS = Number(process.env['BENCH_WARM_SECONDS'] ?? 10);
const CALLERS = 32;
const BODY_BYTES = 3_950;
/** That so many applications change nothing is shown with these. */
const MANY = 10_000;

/** What is measured, divided by commas: a profile of one kind alone shows what it costs. */
const KINDS = (process.env['BENCH_KINDS'] ?? 'reads,evaluations,many').split(',');

/** A checkout whose gateway is measured beside this one. */
const BESIDE = process.env['BENCH_BESIDE'];

/** One kind of call, at one server. */
interface Measured {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly requests: readonly string[];
}

/**
 * The gateway and bare proxies on undici, one after the other in turns, each alone on one core; the load, the upstream,
 * the broker and Postgres on the other. `BENCH_NODE_OPTIONS=--cpu-prof` profiles the gateway. `BENCH_DECISION_PEERS` names
 * a file of decision engines that run (test/bench/peers.ts): evaluations are measured in turns with theirs. `BENCH_BESIDE`
 * names another checkout that is built: its gateway is measured in turns with this one, to see what a change does on a machine
 * that others disturb.
 */
export const part: BenchPart = {
  title: `calls through the gateway beside a bare proxy on undici: ${CALLERS} connections kept alive, a body of 4 kB, strict audit`,
  async run(bench) {
    const [load, upstream] = [startLoad(), await startUpstream(observation())];
    const url = `http://127.0.0.1:${upstream.port}`;
    const proxies = await Promise.all([false, true].map(async (parses) => await startProxy({ upstream: url, parses })));
    const gateway = await GatewayUnderLoad.start(bench, `${url}/fhir`, {
      NODE_OPTIONS: process.env['BENCH_NODE_OPTIONS'] ?? '',
    });
    const [whole, checked] = [await gateway.approve(64, 'system', 64), await gateway.approve(64, 'patient', 64)];
    const { pid, port } = gateway.process;
    const beside = BESIDE === undefined ? undefined : await Beside.start(bench, `${url}/fhir`, BESIDE);
    try {
      const others = [load.pid, upstream.pid, process.pid, ...bench.servers.broker, ...bench.servers.postgres];
      const isPinned =
        pin([pid, ...(beside ? [beside.pid] : []), ...proxies.map((proxy) => proxy.pid)], 1) && pin(others, 0);
      bench.print(isPinned ? 'each on a core of its own, all else on another' : 'cores are shared: nothing was pinned');
      const [bare, parsing] = proxies;
      if (!bare || !parsing) throw new Error('no proxies');
      const target = { pid, port };
      const reads = [
        { name: 'bare proxy', ...bare, requests: readsWith(['none']) },
        { name: 'gateway, a read that needs no look inside', ...target, requests: readsWith(whole) },
        { name: 'bare proxy that parses and writes anew', ...parsing, requests: readsWith(['none']) },
        { name: 'gateway, a read whose body is checked', ...target, requests: readsWith(checked) },
      ];
      const measures = (kind: string) => KINDS.includes(kind);
      const [plain, open, parse, check] = measures('reads')
        ? await inTurns(bench, load, [...reads, ...(beside?.reads ?? [])])
        : [];
      if (measures('reads')) {
        ratio(bench, 'no look inside, of the bare proxy', open, plain);
        ratio(bench, 'body checked, of the proxy that parses', check, parse);
      }
      const authorization = await gateway.enforcementPoint();
      const asked = { name: 'AuthZEN evaluations', ...target, requests: evaluations(whole, authorization) };
      const engines = peersOf<DecisionPeer>('BENCH_DECISION_PEERS');
      pin(
        engines.flatMap(({ pids }) => pids.server),
        1,
      );
      const peers = engines.map((it): Measured => {
        const name = `decisions of ${it.name}, unaudited`;
        return { name, pid: it.pids.server[0] ?? 0, port: it.port, requests: questionsOf(it) };
      });
      const [few, ...theirs] = measures('evaluations')
        ? await inTurns(bench, load, [asked, ...peers, ...(beside?.evaluations ?? [])])
        : [];
      for (const [at, rate] of theirs.slice(0, peers.length).entries())
        ratio(bench, `evaluations, of ${peers[at]?.name ?? ''}`, few, rate);
      if (measures('many')) {
        const many = await gateway.approve(MANY, 'system', 2_000);
        bench.print(`with ${MANY} applications more, calls of 2,000 of them:`);
        const [manyReads, manyAsked] = await inTurns(bench, load, [
          { name: 'gateway, a read that needs no look inside', ...target, requests: readsWith(many) },
          { ...asked, requests: evaluations(many, authorization) },
        ]);
        ratio(bench, 'reads with many applications, of those with few', manyReads, open);
        ratio(bench, 'evaluations with many applications, of those with few', manyAsked, few);
      }
    } finally {
      await gateway.stop();
      await beside?.stop();
      await Promise.all([load.stop(), upstream.stop(), ...proxies.map(async (proxy) => await proxy.stop())]);
    }
  },
};

/** The gateway of another checkout, and what is asked of it. */
class Beside {
  private constructor(
    private readonly gateway: GatewayUnderLoad,
    readonly reads: readonly Measured[],
    readonly evaluations: readonly Measured[],
  ) {}

  static async start(bench: Bench, upstream: string, root: string): Promise<Beside> {
    const gateway = await GatewayUnderLoad.start(bench, upstream, {}, root);
    const [whole, checked] = [await gateway.approve(64, 'system', 64), await gateway.approve(64, 'patient', 64)];
    const { pid, port } = gateway.process;
    const asked = (name: string, requests: readonly string[]): Measured => ({
      name: `${name}, by the other build`,
      pid,
      port,
      requests,
    });
    return new Beside(
      gateway,
      [
        asked('a read that needs no look inside', readsWith(whole)),
        asked('a read whose body is checked', readsWith(checked)),
      ],
      [asked('AuthZEN evaluations', evaluations(whole, await gateway.enforcementPoint()))],
    );
  }

  get pid(): number {
    return this.gateway.process.pid;
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
  }
}

/** Runs of each in turns, so that what disturbs the machine disturbs all. */
async function inTurns(bench: Bench, load: Load, measured: readonly Measured[]): Promise<readonly number[]> {
  for (const each of measured) await load.run(planOf(each, WARM_SECONDS));
  const runs = measured.map((): { readonly result: LoadResult; readonly micros: number }[] => []);
  for (let run = 0; run < RUNS; run++) {
    for (const [at, each] of measured.entries()) {
      const before = processorMs([each.pid]);
      const result = await load.run(planOf(each, SECONDS));
      runs[at]?.push({ result, micros: ((processorMs([each.pid]) - before) * 1_000) / result.answered });
    }
  }
  return measured.map(({ name, pid }, at) => {
    const all = runs[at] ?? [];
    const of = (figure: (result: LoadResult) => number) => spread(all.map(({ result }) => figure(result)));
    bench.print(
      `${name}: ${of((it) => it.answered / it.seconds)}/s, p50 ${of((it) => it.p50)} ms, p99 ${of((it) => it.p99)} ms; processor ${spread(all.map(({ micros }) => micros))} µs each, the load's own ${of((it) => (it.processorMs * 1_000) / it.answered)} µs; ${residentMegabytes(pid).all.toFixed(0)} MB`,
    );
    const rates = all.map(({ result }) => result.answered / result.seconds).sort((one, other) => one - other);
    return rates[Math.floor(rates.length / 2)] ?? Number.NaN;
  });
}

function planOf({ port, requests }: Measured, seconds: number) {
  return { port, callers: CALLERS, seconds, sent: { kind: 'given' as const, requests, once: false } };
}

function ratio({ print }: Bench, what: string, one: number | undefined, other: number | undefined): void {
  print(`${what}: ${((100 * (one ?? Number.NaN)) / (other ?? Number.NaN)).toFixed(0)} %`);
}

function readsWith(tokens: readonly string[]): readonly string[] {
  return tokens.map((token) =>
    httpRequest('GET', '/fhir/Observation/o1', { Authorization: `Bearer ${token}`, Accept: 'application/fhir+json' }),
  );
}

function evaluations(tokens: readonly string[], authorization: string): readonly string[] {
  return tokens.map((token) =>
    httpRequest(
      'POST',
      '/access/v1/evaluation',
      { Authorization: authorization, 'Content-Type': 'application/json' },
      JSON.stringify({
        subject: { type: 'access-token', id: 'app', properties: { token } },
        action: { name: 'GET' },
        resource: { type: 'fhir-request', id: '/Observation/o1' },
      }),
    ),
  );
}

/** A blood pressure with as many components as make 4 kB. */
function observation(): object {
  const coding = (system: string, code: string, display?: string) => ({ coding: [{ system, code, display }] });
  const component: object[] = [];
  const resource = {
    resourceType: 'Observation',
    id: 'o1',
    meta: { versionId: '1', lastUpdated: '2026-01-01T00:00:00Z' },
    status: 'final',
    category: [coding('http://terminology.hl7.org/CodeSystem/observation-category', 'vital-signs')],
    code: coding('http://loinc.org', '85354-9', 'Blood pressure panel'),
    subject: { reference: 'Patient/p1' },
    effectiveDateTime: '2026-01-01',
    component,
  };
  while (JSON.stringify(resource).length < BODY_BYTES)
    component.push({
      code: coding('http://loinc.org', '8480-6', `Systolic ${component.length}`),
      valueQuantity: { value: 100 + component.length, unit: 'mm[Hg]', code: 'mm[Hg]' },
    });
  return resource;
}
