import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** An app that runs as a process of its own. */
export interface ServiceProcess {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** All that it has logged. */
  said(): string;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, also to one that is stopped; fulfils when it is gone. */
  stop(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
}

/** As the start scripts have it; tests and bench run in the project's root. */
const SOURCE_MAPS = pathToFileURL(path.resolve('scripts', 'source-maps.mjs')).href;
/** What the process says when its checks of readiness have passed. */
const READY = '"ready"';
/** Ends the process when whoever started it is gone, however that came: nothing holds the other end of its input then. */
export const NO_ORPHAN = 'data:text/javascript,process.stdin.once("end",()=>process.exit(1)).resume()';

/**
 * Starts what the build made of an app (tests and bench run in the project's root); fulfils when it is ready.
 *
 * @param root of another checkout, whose build is started
 */
export async function startServiceProcess(
  app: 'registration' | 'gateway' | 'token',
  port: number,
  environment: Readonly<Record<string, string>>,
  root = '.',
): Promise<ServiceProcess> {
  const main = path.resolve(root, 'dist', 'apps', app, 'src', 'main.js');
  const child = spawn(process.execPath, ['--import', SOURCE_MAPS, '--import', NO_ORPHAN, main], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      GATEHOUSE_DEV: '1',
      LOG_LEVEL: 'info',
      DATABASE_POOL: '3',
      VAULT_KEY: Buffer.alloc(32, 7).toString('base64'),
      PORT: String(port),
      ...environment,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  for (const output of [child.stdout, child.stderr])
    output.on('data', (chunk: Buffer) => void said.push(chunk.toString()));
  await untilReady(child, app, said);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await gone;
  };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    said: () => said.join(''),
    signal: (signal) => void child.kill(signal),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

async function untilReady(child: ChildProcess, app: string, said: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  for (const output of [child.stdout, child.stderr])
    output?.on('data', () => {
      if (said.join('').includes(READY)) resolve();
    });
  child.once('exit', (code) => reject(new Error(`${app} ended with ${code} before it was ready:\n${said.join('')}`)));
  await promise;
}
