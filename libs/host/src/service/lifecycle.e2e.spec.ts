import { cuttableProxy, freePort } from '#testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';

const main = path.resolve(import.meta.dirname, '../../../../dist/libs/testing/src/tiny-service/main.js');

/** A process with all that it has printed. */
interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Resolves when the text has been printed, as often as that. */
  printed(text: string, times?: number): Promise<void>;
  readonly exit: Promise<number | null>;
}

describe('a service as a process', () => {
  let own: Isolation;
  let port: number;
  let running: Running[];

  beforeEach(async () => {
    running = [];
    [own, port] = await Promise.all([isolate(), freePort()]);
  });

  afterEach(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    await Promise.all(running.map(({ exit }) => exit));
    await own.dispose();
  });

  function run(environment: Record<string, string> = {}, ...args: string[]): Running {
    const child = spawn(process.execPath, [main, ...args], {
      env: {
        PATH: process.env['PATH'],
        GATEHOUSE_DEV: '1',
        KAFKA_BROKERS: own.brokers,
        DATABASE_URL: own.databaseUrl,
        PORT: String(port),
        VAULT_KEY: Buffer.alloc(32).toString('hex'),
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const waiting = new Set<() => void>();
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        for (const look of waiting) look();
      });
    }
    const process_: Running = {
      child,
      output: () => output,
      printed: (text, times = 1) =>
        new Promise((resolve) => {
          const look = () => {
            if (output.split(text).length > times) resolve();
          };
          waiting.add(look);
          look();
        }),
      exit: once(child, 'close').then(([code]: (number | null)[]) => code ?? null),
    };
    running.push(process_);
    return process_;
  }

  const url = (where: string) => `http://127.0.0.1:${port}${where}`;

  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: the call in flight is answered, then the modules close, then 0',
    async (signal) => {
      const service = run();
      await service.printed('tiny is ready');
      const slow = fetch(url('/tiny/slow'));
      await service.printed('slow began');
      service.child.kill(signal);
      const response = await slow;
      expect([response.status, await response.json()]).toEqual([200, { done: true }]);
      expect(await service.exit).toBe(0);
      expect(service.output()).toContain('modules closed');
      await expect(fetch(url('/tiny/slow'))).rejects.toThrow();
    },
  );

  it('SIGTERM with DRAIN_SECONDS: not ready, but served, each connection with its last answer; a second one ends that', async () => {
    const service = run({ DRAIN_SECONDS: '300', LOG_LEVEL: 'info' });
    await service.printed('tiny is ready');
    const inFlight = fetch(url('/tiny/slow'));
    await service.printed('slow began');
    service.child.kill('SIGTERM');
    await service.printed('"message":"stopping"');
    const told = await inFlight;
    expect([told.status, told.headers.get('connection')]).toEqual([200, 'close']);
    const ready = await fetch(url('/health/ready'));
    expect([ready.status, ready.headers.get('connection'), await ready.json()]).toEqual([
      503,
      'close',
      { status: 'not-ready', checks: { database: { status: 'up' } }, modes: ['draining'] },
    ]);
    expect((await fetch(url('/health/live'))).status).toBe(200);
    const late = await fetch(url('/tiny/slow'));
    expect([late.status, late.headers.get('connection')]).toEqual([200, 'close']);
    expect(service.output()).not.toContain('modules closed');
    const last = fetch(url('/tiny/slow'));
    await service.printed('slow began', 3);
    service.child.kill('SIGTERM');
    expect((await last).status).toBe(200);
    expect(await service.exit).toBe(0);
    expect(service.output()).toContain('modules closed');
  });

  it('LISTEN_WHEN_READY: nobody is let in before everything that readiness rests on is there', async () => {
    const database = new URL(own.databaseUrl);
    const proxy = await cuttableProxy({ host: database.hostname, port: Number(database.port) });
    await proxy.cut();
    database.host = `127.0.0.1:${proxy.port}`;
    const service = run({ DATABASE_URL: database.href, LISTEN_WHEN_READY: '1' });
    await service.printed('the database cannot be reached');
    await expect(fetch(url('/health/live'))).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await proxy.restore();
    await service.printed(`tiny is ready at http://127.0.0.1:${port}`);
    expect((await fetch(url('/health/ready'))).status).toBe(200);
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(0);
    await proxy.close();
  });

  it('SIGTERM while it waits for its database: 0', async () => {
    const nobody = await freePort();
    const service = run({ DATABASE_URL: `postgres://nobody@127.0.0.1:${nobody}/none` });
    await service.printed('the database cannot be reached');
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(0);
    expect(service.output()).not.toContain('tiny is ready');
  });

  it.each([
    ['/tiny/uncaught', 'thrown aside'],
    ['/tiny/rejected', 'rejected aside'],
  ])('%s: an error that nobody caught is logged and ends the process with 1', async (where, message) => {
    const service = run();
    await service.printed('tiny is ready');
    await fetch(url(where)).catch(() => undefined);
    expect(await service.exit).toBe(1);
    const line = service
      .output()
      .split('\n')
      .find((each) => each.includes(message));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 'fatal', service: 'tiny' });
  });

  it('a faulty configuration: every fault, 2, and nothing started', async () => {
    const service = run({ KAFKA_BROKERS: '', PORT: 'no', HOST: '0.0.0.0' });
    expect(await service.exit).toBe(2);
    for (const variable of ['KAFKA_BROKERS', 'PORT', 'HOST']) expect(service.output()).toContain(`${variable} must be`);
    expect(service.output()).not.toContain('modules closed');
  });

  it('--print-config: the result without secrets, and nothing started', async () => {
    const service = run({}, '--print-config');
    expect(await service.exit).toBe(0);
    expect(service.output()).toContain(`PORT=${port}`);
    expect(service.output()).not.toContain(own.databaseUrl);
  });

  it.each(['0', '1'])('a port in use (LISTEN_WHEN_READY=%s): one line that says so, and 1', async (whenReady) => {
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    const service = run({ LISTEN_WHEN_READY: whenReady });
    expect(await service.exit).toBe(1);
    expect(service.output()).toContain('set PORT to a free port');
    expect(service.output()).not.toContain('    at ');
    other.close();
  });
});
