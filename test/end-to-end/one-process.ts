import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../scripts/infrastructure/ports.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = path.join(ROOT, 'dist', 'apps', 'gatehouse', 'src', 'main.js');

/** A Gatehouse that runs as a process of its own, in development. */
export interface OneProcess {
  readonly url: string;
  /** What it wrote to standard error, and what it logged as an error. */
  complaints(): readonly string[];
  /** SIGTERM; gives the exit code. */
  stop(): Promise<number | null>;
}

/** Starts the one process on a free port and waits for its line. Throws with its words when it ends before. */
export async function startOneProcess(own: {
  readonly brokers: string;
  readonly databaseUrl: string;
  readonly prefix: string;
  readonly dataDir: string;
}): Promise<OneProcess> {
  const [port = 0] = await freePorts(1);
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
    cwd: ROOT,
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      GATEHOUSE_DEV: '1',
      KAFKA_BROKERS: own.brokers,
      KAFKA_TOPIC_PREFIX: own.prefix,
      DATABASE_URL: own.databaseUrl,
      DATA_DIR: own.dataDir,
      PORT: String(port),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  let said = '';
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Gatehouse is ready')) resolve();
    });
  });
  await Promise.race([
    ready,
    exited.then(([code]) => {
      throw new Error(`it ended with ${String(code)} before it was ready:\n${said}${errors}`);
    }),
  ]);
  return {
    url: `http://127.0.0.1:${port}`,
    complaints: () => [errors, ...said.split('\n').filter(isError)].filter((line) => line !== ''),
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
