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
const CALLERS = 32;
const LOOK_EVERY_SECONDS = 5;

/** What all gateways of a site have to agree on. */
const PAGE_KEY = Buffer.alloc(32, 5).toString('base64');

/** As package.json's start scripts have it. */
const YOUNG_OBJECTS = '--max-semi-space-size=16';
/** Says on SIGUSR2 what is left of the heap when everything is collected that can be. */
const HEAP_TOLD =
  'data:text/javascript,process.on("SIGUSR2",()=>{gc();console.log("heap%20"+process.memoryUsage().heapUsed)})';
const COLLECTING = `${YOUNG_OBJECTS} --expose-gc --import ${HEAP_TOLD}`;

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
  const shared = { ...developmentOn({ ...bench, dataDir }), NODE_OPTIONS: YOUNG_OBJECTS };
  const one = await spawnApp('gatehouse', { ...shared, PORT: String(port) }, 'Gatehouse is ready');
  await delay(REST_SECONDS * 1_000); // what is measured
  bench.print(`the one process: ${shown(one)}`);

  // It goes on as what they sign in at; they share its topics and its database.
  const apart: Spawned[] = await Promise.all(
    frontedApps.map(async ({ name }) => {
      const own = { PORT: String(await freePort()), PUBLIC_URL: `http://127.0.0.1:${port}`, LOG_LEVEL: 'info' };
      return await spawnApp(name, { ...shared, ...own, GATEWAY_PAGE_KEY: PAGE_KEY }, '"message":"ready"');
    }),
  );
  await delay(REST_SECONDS * 1_000); // what is measured
  for (const [index, service] of apart.entries())
    bench.print(`${frontedApps[index]?.name ?? ''} alone: ${shown(service)}`);
  await Promise.all([one, ...apart].map((each) => each.stop()));
  rmSync(dataDir, { recursive: true });
}

/** Calls of the gateway by 64 applications: what it holds in the first tenth of them, and in the last. */
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
  const seen: { readonly calls: number; readonly resident: number; readonly heap: number }[] = [];
  for (let calls = 0; calls < CALLS;) {
    const plan = {
      port,
      callers: CALLERS,
      seconds: LOOK_EVERY_SECONDS,
      sent: { kind: 'given' as const, requests, once: false },
    };
    calls += (await load.run(plan)).answered;
    const resident = residentMegabytes(pid).all;
    seen.push({ calls, resident, heap: await heapMegabytes(gateway) });
  }
  const tenth = (from: number): string => {
    const within = seen.filter(({ calls }) => calls > from * CALLS && calls <= (from + 0.1) * CALLS);
    const mean = (of: (each: (typeof seen)[number]) => number): string =>
      (within.reduce((sum, each) => sum + of(each), 0) / within.length).toFixed(1);
    return `${mean(({ resident }) => resident)} MB resident, ${mean(({ heap }) => heap)} MB of heap after collection`;
  };
  bench.print(`the gateway in the first tenth of ${CALLS} calls: ${tenth(0)}; in the last: ${tenth(0.9)}`);
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
  const { all, own } = residentMegabytes(pid);
  return `${all.toFixed(0)} MB resident, ${own.toFixed(0)} MB of it its own`;
}
