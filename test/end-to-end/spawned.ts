import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { NO_ORPHAN } from '../fleet/service-process.js';

/** Tests and bench run in it. */
const ROOT = process.cwd();

/** As the start scripts have it. */
const SOURCE_MAPS = pathToFileURL(path.join(ROOT, 'scripts', 'source-maps.mjs')).href;

function mainOf(app: string): string {
  return path.join(ROOT, 'dist', 'apps', app, 'src', 'main.js');
}

/** A process of ours that has said that it is ready. */
export interface Spawned {
  readonly pid: number;
  /** What it wrote to standard error, and what it logged as an error. */
  complaints(): readonly string[];
  /** All that it wrote, to standard output and to standard error. */
  wrote(): string;
  /** SIGTERM; gives the exit code. */
  stop(): Promise<number | null>;
}

/** What a Gatehouse in tests has to itself. */
export interface OwnServers {
  readonly brokers: string;
  readonly databaseUrl: string;
  readonly prefix: string;
  readonly dataDir: string;
}

/** The environment of a Gatehouse in development, on servers of the test's. */
export function developmentOn(own: OwnServers): Record<string, string> {
  return {
    GATEHOUSE_DEV: '1',
    KAFKA_BROKERS: own.brokers,
    KAFKA_TOPIC_PREFIX: own.prefix,
    DATABASE_URL: own.databaseUrl,
    DATA_DIR: own.dataDir,
  };
}

/** Starts `dist/apps/<app>/src/main.js` without any setting; gives its exit code and what it wrote to standard error. */
export async function spawnWithoutSettings(
  app: string,
): Promise<{ readonly code: number | null; readonly said: string }> {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [mainOf(app)], { env: { PATH }, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

/** Starts `dist/apps/<app>/src/main.js` and waits until it says `line`. Throws with its words when it ends before. */
export async function spawnApp(app: string, environment: Record<string, string>, line: string): Promise<Spawned> {
  const child = spawn(process.execPath, ['--import', SOURCE_MAPS, '--import', NO_ORPHAN, mainOf(app)], {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  let said = '';
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes(line)) resolve();
    });
  });
  await Promise.race([
    ready,
    exited.then(([code]) => {
      throw new Error(`${app} ended with ${String(code)} before it was ready:\n${said}${errors}`);
    }),
  ]);
  return {
    pid: child.pid ?? 0,
    wrote: () => said + errors,
    complaints: () => [errors, ...said.split('\n').filter(isError)].filter((each) => each !== ''),
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code;
    },
  };
}

/** A line that the process logged as an error, or worse. */
function isError(line: string): boolean {
  return /^\{"level":"(error|fatal)"/.test(line);
}
