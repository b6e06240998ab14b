import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { send } from '../../demo/http.js';
import { textAt } from '../../demo/json.js';
import { type Bench, type BenchPart, spread } from '../bench.js';
import { serversProcessorTime, serversTook } from '../processor-time.js';

const MAIN = fileURLToPath(new URL('../../../apps/gatehouse/src/main.js', import.meta.url));
const CALLERS = 256;
const SECONDS = 8;
const RUNS = 3;

interface Figure {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the callers in this process per command, in microseconds: the load's own cost. */
  readonly callerMicros: number;
  /** The same of the service. */
  readonly serviceMicros: number;
}

type Send = (index: number) => Promise<void>;

/** `BENCH_NODE_OPTIONS=--cpu-prof` profiles the service; the profile is written where the bench was started. */
export const part: BenchPart = {
  title: `commands through REST: ${CALLERS} callers of the one process, each request with a token, each answer with its resource`,
  async run(bench) {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-bench-'));
    const { url, child } = await startGatehouse(bench, folder);
    const pool = new Pool(url, { connections: CALLERS, pipelining: 1 });
    try {
      const { body } = await send(`${url}/sandbox/directory/development-token`, { json: { as: 'dev@example.org' } });
      const call = caller(pool, textAt(body, 'access_token'));
      await call('POST', '/registration/applications', declared()); // the vault gets to know the caller once
      const applications = await Promise.all(
        Array.from({ length: CALLERS }, async () =>
          textAt(await call('POST', '/registration/applications', declared()), 'id'),
        ),
      );
      const kinds: Record<string, Send> = {
        'register an application': async () => void (await call('POST', '/registration/applications', declared())),
        'change one': async (index) =>
          void (await call('PATCH', `/registration/applications/${applications[index] ?? ''}`, {
            description: randomUUID(),
          })),
      };
      for (const [name, one] of Object.entries(kinds)) {
        await measure(one, 3, url);
        const figures: Figure[] = [];
        const servers = serversProcessorTime();
        for (let run = 0; run < RUNS; run++) figures.push(await measure(one, SECONDS, url));
        const commands = figures.reduce((sum, { perSecond }) => sum + perSecond * SECONDS, 0);
        const of = (field: keyof Figure) => spread(figures.map((figure) => figure[field]));
        bench.print(
          `${name}: ${of('perSecond')} commands/s, p50 ${of('p50')} ms, p99 ${of('p99')} ms; CPU a command: ${of('serviceMicros')} µs of the service, ${of('callerMicros')} µs of the callers, ${serversTook(servers, serversProcessorTime(), commands)}`,
        );
      }
    } finally {
      await pool.destroy();
      child.kill('SIGTERM');
      await once(child, 'exit');
      rmSync(folder, { recursive: true });
    }
  },
};

async function startGatehouse(
  { brokers, prefix, databaseUrl }: Bench,
  folder: string,
): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const port = await freePort();
  const options = (process.env['BENCH_NODE_OPTIONS'] ?? '').split(' ').filter((option) => option !== '');
  const child = spawn(process.execPath, [...options, MAIN], {
    env: {
      ...process.env,
      GATEHOUSE_DEV: '1',
      KAFKA_BROKERS: brokers,
      KAFKA_TOPIC_PREFIX: prefix,
      DATABASE_URL: databaseUrl,
      DATA_DIR: folder,
      PORT: String(port),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`it ended with ${String(code)} before it was ready`)));
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes('Gatehouse is ready')) resolve();
    });
  });
  return { url: `http://127.0.0.1:${port}`, child };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function declared() {
  return {
    name: `Bench ${randomUUID().slice(0, 8)}`,
    kind: 'backend',
    clientType: 'confidential-asymmetric',
    scopes: ['system/Patient.rs'],
    purposesOfUse: [{ code: 'TREAT', justification: 'To see how much it can bear.' }],
    jwksUri: 'https://client.example.org/jwks.json',
  };
}

function caller(pool: Pool, token: string) {
  return async (method: 'POST' | 'PATCH', to: string, body: object): Promise<unknown> => {
    const answer = await pool.request({
      method,
      path: to,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
      },
      body: JSON.stringify(body),
    });
    const resource: unknown = await answer.body.json();
    if (answer.statusCode !== 200 && answer.statusCode !== 201) {
      throw new Error(`${method} ${to} answered ${answer.statusCode}: ${JSON.stringify(resource)}`);
    }
    return resource;
  };
}

async function measure(one: Send, seconds: number, url: string): Promise<Figure> {
  const waits: number[] = [];
  const serviceBefore = await serviceCpu(url);
  const until = performance.now() + seconds * 1_000;
  const before = process.cpuUsage();
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, index) => {
      for (let from = performance.now(); from < until; from = performance.now()) {
        await one(index);
        waits.push(performance.now() - from);
      }
    }),
  );
  const { user, system } = process.cpuUsage(before);
  const serviceMicros = ((await serviceCpu(url)) - serviceBefore) / waits.length;
  waits.sort((a, b) => a - b);
  const at = (share: number): number => waits[Math.floor(waits.length * share)] ?? Number.NaN;
  return {
    perSecond: waits.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    callerMicros: (user + system) / waits.length,
    serviceMicros,
  };
}

/** Processor time of the service so far, in microseconds, as it says itself. */
async function serviceCpu(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_cpu_seconds_total\S* (\S+)/m.exec(text)?.[1]) * 1e6;
}
