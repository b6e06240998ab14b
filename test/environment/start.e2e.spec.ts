import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { isRunning, type Named } from '../../scripts/infrastructure/lock.mjs';
import { freePorts } from '../../scripts/infrastructure/ports.mjs';

/** What a running start writes for other commands, and for a start after a crash. */
interface Run {
  processes: Named[];
  environment: { DATABASE_URL: string };
}

describe('npm start', () => {
  let data: string;
  let port: number;

  beforeAll(async () => {
    data = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-start-'));
    [port = 0] = await freePorts(1);
  });
  afterAll(() => {
    rmSync(data, { recursive: true, force: true });
  });

  it('keeps its data over a restart, refuses a second start beside it, and leaves no process', async () => {
    const first = await started();
    const run = lastRun();
    expect(run.processes).toHaveLength(3);
    await query(run, 'CREATE TABLE public.kept (id int)');

    const second = start();
    expect(await exitOf(second.process)).toBe(1);
    expect(second.words()).toMatch(/Gatehouse already runs from this folder \(process \d+\): stop it first\.\n$/);

    first.kill('SIGTERM');
    expect(await exitOf(first)).toBe(0);
    expect(run.processes.filter(isRunning)).toEqual([]);
  }, 120_000);

  it('starts after a kill -9 with its data, once what that left behind is gone, and forgets it when asked', async () => {
    const killed = await started();
    const run = lastRun();
    await query(run, 'SELECT id FROM public.kept');
    killed.kill('SIGKILL');
    await exitOf(killed);

    const again = await started('--fresh');
    expect(run.processes.filter(isRunning)).toEqual([]);
    await expect(query(lastRun(), 'SELECT id FROM public.kept')).rejects.toMatchObject({ code: '42P01' });
    again.kill('SIGINT');
    expect(await exitOf(again)).toBe(0);
  }, 120_000);

  function start(...options: string[]): { process: ChildProcess; words: () => string } {
    const { KAFKA_BROKERS: _, DATABASE_URL: __, ...rest } = process.env;
    const child = spawn(process.execPath, ['scripts/start.mjs', ...options], {
      env: { ...rest, DATA_DIR: data, PORT: String(port), NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let words = '';
    child.stdout.on('data', (chunk: Buffer) => (words += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
    return { process: child, words: () => words };
  }

  /** Starts, and waits until the program says that it is ready: on its port an earlier one may still answer. */
  async function started(...options: string[]): Promise<ChildProcess> {
    const { process: child, words } = start(...options);
    while (!words().includes('Gatehouse is ready')) {
      if (child.exitCode !== null) throw new Error(`It did not start: ${words()}`);
      await delay(100);
    }
    return child;
  }

  function lastRun(): Run {
    return JSON.parse(readFileSync(path.join(data, 'run.json'), 'utf8')) as Run;
  }
});

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

async function query({ environment }: Run, sql: string): Promise<void> {
  const client = new Client({ connectionString: environment.DATABASE_URL });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
