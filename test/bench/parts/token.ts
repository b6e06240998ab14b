import { type Bench, type BenchPart, spread } from '../bench.js';
import { httpRequest, type LoadResult, type Sent } from '../load/load-plan.js';
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
  readonly sent: (seconds: number, perSecond: number) => Promise<Sent>;
}

/**
 * The token service, Postgres, the broker and the load share the machine. `BENCH_NODE_OPTIONS=--cpu-prof` profiles the
 * service.
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

/** Runs of each, and the median of how many a second. */
async function measureAll(
  bench: Bench,
  load: Load,
  service: TokensUnderLoad,
  measured: readonly Measured[],
): Promise<readonly number[]> {
  const { broker, postgres } = bench.servers;
  const { pid, port } = service.process;
  const medians: number[] = [];
  for (const { name, sent } of measured) {
    const runs: { readonly result: LoadResult; readonly micros: readonly number[] }[] = [];
    let perSecond = 400;
    for (let run = -2; run < RUNS; run++) {
      const plan = { port, callers: CALLERS, seconds: SECONDS, sent: await sent(SECONDS, perSecond) };
      const cpu = () => [[pid], withChildren(postgres), broker].map(processorMs);
      const from = cpu();
      const result = await load.run(plan);
      const micros = cpu().map((ms, at) => ((ms - (from[at] ?? 0)) * 1_000) / result.answered);
      perSecond = result.answered / result.seconds;
      // The first two warm up.
      if (run >= 0) runs.push({ result, micros });
    }
    const of = (figure: (run: (typeof runs)[number]) => number) => spread(runs.map(figure));
    const each = (at: number) => of(({ micros }) => micros[at] ?? NaN);
    bench.print(
      `${name}: ${of(({ result }) => result.answered / result.seconds)}/s, p50 ${of(({ result }) => result.p50)} ms, p99 ${of(({ result }) => result.p99)} ms`,
    );
    bench.print(
      `  processor, µs each: ${of(({ micros }) => micros.reduce((sum, it) => sum + it, 0))}; of it the service ${each(0)}, Postgres ${each(1)}, the broker ${each(2)}; the load's own ${of(({ result }) => (result.processorMs * 1_000) / result.answered)}`,
    );
    const rates = runs.map(({ result }) => result.answered / result.seconds).sort((one, other) => one - other);
    medians.push(rates[Math.floor(rates.length / 2)] ?? NaN);
  }
  return medians;
}
