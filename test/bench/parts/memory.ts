import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '#testing';
import { frontedApps } from '../../../apps/gatehouse/src/front/app-paths.js';
import { developmentOn, spawnApp, type Spawned } from '../../end-to-end/spawned.js';
import type { Bench, BenchPart } from '../bench.js';
import { GatewayUnderLoad } from '../gateway-fleet.js';
import { httpRequest } from '../load/load-plan.js';
import { startLoad, startUpstream } from '../load/processes.js';
import { residentMegabytes } from '../machine.js';

/** How long a process is left alone after its start, in seconds. */
const REST_SECONDS = Number(process.env['BENCH_REST_SECONDS'] ?? 180);
/** Calls through the gateway, by which it is seen whether memory grows; 0 leaves them out. */
const CALLS = Number(process.env['BENCH_CALLS'] ?? 1_000_000);
/** It ends after this time too, however many calls there were. */
const LOAD_SECONDS = Number(process.env['BENCH_LOAD_SECONDS'] ?? 1_800);
const CALLERS = 32;
const LOOK_EVERY_SECONDS = 5;

/** What all gateways of a site have to agree on. */
const PAGE_KEY = Buffer.alloc(32, 5).toString('base64');

/** As package.json's start scripts have it. */
const youngObjects = (app: string): string => `--max-semi-space-size=${app === 'gateway' || app === 'token' ? 16 : 8}`;
/** Says on SIGUSR2 what is left of the heap when everything is collected that can be. */
// NODE_OPTIONS takes quotes away.
const HEAP_TOLD =
  'data:text/javascript,process.on(%22SIGUSR2%22,()=>{gc();console.log(%22heap%20%22+process.memoryUsage().heapUsed)})';
const COLLECTING = `${youngObjects('gateway')} --expose-gc --import ${HEAP_TOLD}`;

export const part: BenchPart = {
  title: `memory: ${REST_SECONDS} s after the start without load, and over ${CALLS} calls through the gateway`,
  async run(bench) {
    await atRest(bench);
    if (CALLS > 0) await underLoad(bench);
  },
};

/** The one process as `npm start` has it, and then every service as a process of its own. */
async function atRest(bench: Bench): Promise<void> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-bench-'));
  const port = await freePort();
  const shared = developmentOn({ ...bench, dataDir });
  const young = { NODE_OPTIONS: youngObjects('gatehouse') };
  const one = await spawnApp('gatehouse', { ...shared, ...young, PORT: String(port) }, 'Gatehouse is ready');
  await delay(REST_SECONDS * 1_000); // what is measured
  bench.print(`the one process: ${shown(one)}`);

  // It goes on as what they sign in at; they share its topics and its database.
  const apart: Spawned[] = await Promise.all(
    frontedApps.map(async ({ name }) => {
      const own = { PORT: String(await freePort()), PUBLIC_URL: `http://127.0.0.1:${port}`, LOG_LEVEL: 'info' };
      const options = { NODE_OPTIONS: youngObjects(name), GATEWAY_PAGE_KEY: PAGE_KEY };
      return await spawnApp(name, { ...shared, ...own, ...options }, '"message":"ready"');
    }),
  );
  await delay(REST_SECONDS * 1_000); // what is measured
  for (const [index, service] of apart.entries())
    bench.print(`${frontedApps[index]?.name ?? ''} alone: ${shown(service)}`);
  await Promise.all([one, ...apart].map((each) => each.stop()));
  rmSync(dataDir, { recursive: true });
}

/** Calls of the gateway by 64 applications: what it holds in the first tenth of the time, and in the last. */
async function underLoad(bench: Bench): Promise<void> {
  const [load, upstream] = [startLoad(), await startUpstream({ resourceType: 'Observation', id: 'o1' })];
  const gateway = await GatewayUnderLoad.start(bench, `http://127.0.0.1:${upstream.port}/fhir`, {
    NODE_OPTIONS: COLLECTING,
  });
  const tokens = await gateway.approve(64, 'system', 64);
  const requests = tokens.map((token) =>
    httpRequest('GET', '/fhir/Observation/o1', { Authorization: `Bearer ${token}`, Accept: 'application/fhir+json' }),
  );
  const { pid, port } = gateway.process;
  const seen: { readonly resident: number; readonly heap: number }[] = [];
  const until = performance.now() + LOAD_SECONDS * 1_000;
  let calls = 0;
  while (calls < CALLS && performance.now() < until) {
    const plan = {
      port,
      callers: CALLERS,
      seconds: LOOK_EVERY_SECONDS,
      sent: { kind: 'given' as const, requests, once: false },
    };
    calls += (await load.run(plan)).answered;
    const resident = residentMegabytes(pid).all;
    seen.push({ resident, heap: await heapMegabytes(gateway) });
  }
  const tenth = Math.ceil(seen.length / 10);
  const held = (part: typeof seen): string => {
    const mean = (of: (each: (typeof seen)[number]) => number): string =>
      (part.reduce((sum, each) => sum + of(each), 0) / part.length).toFixed(1);
    return `${mean(({ resident }) => resident)} MB resident, ${mean(({ heap }) => heap)} MB of heap after collection`;
  };
  bench.print(
    `the gateway over ${calls} calls, the first tenth: ${held(seen.slice(0, tenth))}; the last: ${held(seen.slice(-tenth))}`,
  );
  await gateway.stop();
  await Promise.all([load.stop(), upstream.stop()]);
}

async function heapMegabytes({ process: service }: GatewayUnderLoad): Promise<number> {
  const before = heapsTold(service.said()).length;
  service.signal('SIGUSR2');
  for (;;) {
    const told = heapsTold(service.said());
    const last = told.at(-1);
    if (told.length > before && last !== undefined) return last / 1e6;
    await delay(20); // it says so on its output
  }
}

function heapsTold(said: string): readonly number[] {
  return [...said.matchAll(/^heap (\d+)$/gm)].map(([, bytes]) => Number(bytes));
}

/** What Linux counts as its own, and what of Node's program all processes of Node share. */
function shown({ pid }: Spawned): string {
  const { all, own, share } = residentMegabytes(pid);
  return `${all.toFixed(0)} MB resident, ${own.toFixed(0)} MB of it its own; ${share.toFixed(0)} MB when what is shared is divided`;
}
