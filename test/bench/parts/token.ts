import { type Bench, type BenchPart, spread } from '../bench.js';
import { httpRequest, type LoadResult, type Sent } from '../load/load-plan.js';
import { peersOf, type TokenPeer, tokenRequestsOf } from '../peers.js';
import { type Load, startLoad, startUpstream } from '../load/processes.js';
import { processorMs, withChildren } from '../machine.js';
import { type BenchClient, TokensUnderLoad } from '../token-fleet.js';

const RUNS = 3;
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 5);
const CALLERS = 32;
/** That so many clients change nothing is shown with these. */
const MANY = 20_000;
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

/** One kind of request; what is sent is made before each run, as much as the rate so far can use. */
interface Measured {
  readonly name: string;
  /** Who answers, where it is not the token service. */
  readonly peer?: TokenPeer;
  readonly sent: (seconds: number, perSecond: number) => Promise<Sent>;
}

/**
 * The token service, Postgres, the broker and the load share the machine. `BENCH_NODE_OPTIONS=--cpu-prof` profiles the
 * service. `BENCH_TOKEN_PEERS` names a file of other servers that run (test/bench/peers.ts): client_credentials is measured
 * in turns with theirs.
 */
export const part: BenchPart = {
  title: `tokens: ${CALLERS} callers, RS384 clients and ES256 tokens, each fact acknowledged, each assertion spent once`,
  async run(bench) {
    const [load, upstream] = [startLoad(), await startUpstream({ resourceType: 'Patient', id: 'p1' })];
    const service = await TokensUnderLoad.start(bench, `http://127.0.0.1:${upstream.port}`, {
      NODE_OPTIONS: process.env['BENCH_NODE_OPTIONS'] ?? '',
    });
    try {
      const few = await kinds(service, await service.approve(16));
      const before = await measureAll(bench, load, service, few);
      await besidePeers(bench, load, service, few);
      const clients = await service.approve(MANY);
      bench.print(`with ${MANY} clients more, and requests of all of them:`);
      const after = await measureAll(bench, load, service, await kinds(service, clients));
      for (const [at, { name }] of few.entries())
        bench.print(
          `${name} with many clients, of those with few: ${((100 * (after[at] ?? NaN)) / (before[at] ?? NaN)).toFixed(0)} %`,
        );
    } finally {
      await service.stop();
      await Promise.all([load.stop(), upstream.stop()]);
    }
  },
};

async function kinds(service: TokensUnderLoad, clients: readonly BenchClient[]): Promise<readonly Measured[]> {
  let next = 0;
  const oneAfterTheOther = (): BenchClient => {
    const client = clients[next++ % clients.length];
    if (!client) throw new Error('no clients');
    return client;
  };
  const tokens = await Promise.all(Array.from({ length: 64 }, () => service.accessToken(oneAfterTheOther())));
  const Authorization = await service.enforcementPoint();
  const introspections = tokens.map((token) =>
    httpRequest('POST', '/oauth/introspect', { ...FORM, Authorization }, `token=${token}`),
  );
  return [
    {
      name: 'client_credentials',
      sent: async (seconds, perSecond) => {
        const requests: string[] = [];
        const count = Math.ceil(seconds * perSecond * 1.3);
        const signing = Array.from({ length: 16 }, async () => {
          while (requests.length < count)
            requests.push(httpRequest('POST', '/oauth/token', FORM, await service.tokenRequest(oneAfterTheOther())));
        });
        await Promise.all(signing);
        return { kind: 'given', requests, once: true };
      },
    },
    {
      name: 'refresh',
      sent: async () => ({
        kind: 'chained',
        first: await service.refreshTokens(CALLERS),
        head: `POST /oauth/token HTTP/1.1\r\nHost: bench\r\nContent-Type: ${FORM['Content-Type']}\r\n`,
        before: 'grant_type=refresh_token&refresh_token=',
        after: '',
        next: '"refresh_token":"([^"]+)"',
      }),
    },
    { name: 'introspection', sent: async () => ({ kind: 'given', requests: introspections, once: false }) },
  ];
}

/** What one kind of request gave, in all runs that count. */
interface Measure {
  readonly name: string;
  readonly perSecond: number;
  /** Processor time of all who answer, in microseconds each; the median. */
  readonly micros: number;
}

/** Runs of each kind, one kind after the other, and the median of how many a second. */
async function measureAll(
  bench: Bench,
  load: Load,
  service: TokensUnderLoad,
  measured: readonly Measured[],
): Promise<readonly number[]> {
  const medians: number[] = [];
  for (const each of measured) {
    const [measure] = await inTurns(bench, load, service, [each]);
    medians.push(measure?.perSecond ?? NaN);
  }
  return medians;
}

/** client_credentials here and at other servers, run by run, so that what disturbs the machine disturbs all. */
async function besidePeers(
  bench: Bench,
  load: Load,
  service: TokensUnderLoad,
  [here]: readonly Measured[],
): Promise<void> {
  const peers = await Promise.all(
    peersOf<TokenPeer>('BENCH_TOKEN_PEERS').map(async (peer): Promise<Measured> => {
      const make = await tokenRequestsOf(peer);
      const sent = async (seconds: number, perSecond: number) => await make(Math.ceil(seconds * perSecond * 1.3));
      return { name: `client_credentials at ${peer.name}`, peer, sent };
    }),
  );
  if (here === undefined || peers.length === 0) return;
  const [own, ...others] = await inTurns(bench, load, service, [here, ...peers]);
  for (const { name, perSecond, micros } of own ? others : [])
    bench.print(
      `${name}, of ours: ${((100 * perSecond) / (own?.perSecond ?? NaN)).toFixed(0)} % of the rate, ${(micros / (own?.micros ?? NaN)).toFixed(1)} times the processor time`,
    );
}

/** Runs of each in turns. */
async function inTurns(
  bench: Bench,
  load: Load,
  service: TokensUnderLoad,
  measured: readonly Measured[],
): Promise<readonly Measure[]> {
  const all = measured.map((each) => ({ each, perSecond: 400, runs: [] as Run[] }));
  // The first two warm up.
  for (let run = -2; run < RUNS; run++) {
    for (const one of all) {
      const done = await runOnce(bench, load, service, one.each, one.perSecond);
      one.perSecond = done.result.answered / done.result.seconds;
      if (run >= 0) one.runs.push(done);
    }
  }
  return all.map(({ each, runs }) => show(bench, each.name, runs));
}

/** One run; processor times in microseconds for each answer: the server, its database, its broker. */
interface Run {
  readonly result: LoadResult;
  readonly micros: readonly number[];
}

async function runOnce(
  bench: Bench,
  load: Load,
  service: TokensUnderLoad,
  { peer, sent }: Measured,
  perSecond: number,
): Promise<Run> {
  const { broker, postgres } = bench.servers;
  const [server, database] = peer ? [peer.pids.server, peer.pids.database] : [[service.process.pid], postgres];
  const cpu = () => [server, withChildren(database), peer ? [] : broker].map(processorMs);
  const port = peer?.port ?? service.process.port;
  const plan = { port, callers: CALLERS, seconds: SECONDS, sent: await sent(SECONDS, perSecond) };
  const from = cpu();
  const result = await load.run(plan);
  return { result, micros: cpu().map((ms, at) => ((ms - (from[at] ?? 0)) * 1_000) / result.answered) };
}

function show(bench: Bench, name: string, runs: readonly Run[]): Measure {
  const of = (figure: (run: Run) => number) => spread(runs.map(figure));
  const each = (at: number) => of(({ micros }) => micros[at] ?? NaN);
  const perSecond = ({ result }: Run) => result.answered / result.seconds;
  const total = ({ micros }: Run) => micros.reduce((sum, it) => sum + it, 0);
  bench.print(
    `${name}: ${of(perSecond)}/s, p50 ${of(({ result }) => result.p50)} ms, p99 ${of(({ result }) => result.p99)} ms`,
  );
  bench.print(
    `  processor, µs each: ${of(total)}; of it the server ${each(0)}, Postgres ${each(1)}, the broker ${each(2)}; the load's own ${of(({ result }) => (result.processorMs * 1_000) / result.answered)}`,
  );
  return { name, perSecond: median(runs.map(perSecond)), micros: median(runs.map(total)) };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;
}
