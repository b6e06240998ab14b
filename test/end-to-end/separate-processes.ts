import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { frontedApps, sandboxApp } from '../../apps/gatehouse/src/front/app-paths.js';
import type * as Ports from '../../scripts/infrastructure/ports.mjs';
import { type Front, startFront } from './front.js';
import type { Running } from './running.js';
import { developmentOn, type OwnServers, spawnApp, type Spawned } from './spawned.js';

/** What all gateways of a site have to agree on, in development too where there are several. */
const PAGE_KEY = Buffer.alloc(32, 5).toString('base64');

/** By its path, since what is built, and so the bench, has no scripts beside it. */
const PORTS = pathToFileURL(path.join(process.cwd(), 'scripts', 'infrastructure', 'ports.mjs')).href;

/** How long the parts of a restart took, in milliseconds. */
export interface Restarted {
  readonly app: string;
  /** What the process ended with. */
  readonly code: number | null;
  /** From SIGTERM to its end. */
  readonly stopMs: number;
  /** From its start until it said that it is ready. */
  readonly startMs: number;
}

/** A process of an app, at one port whoever is there. */
class Instance {
  #process: Spawned | undefined;
  readonly #complaints: string[] = [];

  constructor(
    readonly app: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  async start(): Promise<void> {
    this.#process = await spawnApp(this.app, this.environment, '"message":"ready"');
  }

  /** Stops the process in order, and starts another in its place; resolves when that is ready. */
  async restart(): Promise<Restarted> {
    const asked = performance.now();
    const code = await this.stop();
    const ended = performance.now();
    await this.start();
    return { app: this.app, code, stopMs: ended - asked, startMs: performance.now() - ended };
  }

  /** Gives the exit code; null where there was nobody to stop. */
  async stop(): Promise<number | null> {
    const process = this.#process;
    if (process === undefined) return null;
    this.#process = undefined;
    const code = await process.stop();
    this.#complaints.push(...process.complaints());
    return code;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  complaints(): readonly string[] {
    return [...this.#complaints, ...(this.#process?.complaints() ?? [])];
  }
}

/** Two instances of every app behind one front. */
export interface SeparateProcesses extends Running {
  readonly front: Front['kind'];
  /** The processes that run now, by the app, or `front`. */
  pids(): Readonly<Record<string, readonly number[]>>;
  /** Those that may be restarted: all but the sandbox. */
  readonly instances: readonly Pick<Instance, 'app' | 'restart'>[];
}

/**
 * Starts two instances of every app, each a process of its own, and joins them on one port. Of the sandbox there is one: its
 * directory and its FHIR server live in memory.
 *
 * @param settings what is set beside what they need
 * @param sandbox none where the settings name another identity provider and another FHIR server
 */
export async function startSeparateProcesses(
  own: OwnServers,
  settings: Readonly<Record<string, string>> = {},
  sandbox: 'with its sandbox' | 'without a sandbox' = 'with its sandbox',
): Promise<SeparateProcesses> {
  const wanted = [
    ...frontedApps.map((app) => ({ app, count: 2 })),
    ...(sandbox === 'with its sandbox' ? [{ app: sandboxApp, count: 1 }] : []),
  ];
  const { freePorts } = (await import(PORTS)) as typeof Ports;
  const [frontPort = 0, ...free] = await freePorts(1 + wanted.reduce((sum, { count }) => sum + count, 0));
  const places = wanted.map(({ app, count }) => ({ app, ports: free.splice(0, count) }));
  const url = `http://127.0.0.1:${frontPort}`;
  // All callers of a test are one address.
  const front = await startFront(places, frontPort, own.dataDir, { perAddress: 10_000 });
  const instances = places.flatMap(({ app, ports }) =>
    ports.map(
      (port) =>
        new Instance(app.name, {
          ...developmentOn(own),
          PORT: String(port),
          PUBLIC_URL: url,
          TRUSTED_PROXIES: '127.0.0.1',
          GATEWAY_PAGE_KEY: PAGE_KEY,
          LOG_LEVEL: 'info',
          DATABASE_POOL: '4',
          ...settings,
        }),
    ),
  );
  const started = await Promise.allSettled(instances.map((instance) => instance.start()));
  const stop = async () => {
    const codes = await Promise.all(instances.map((instance) => instance.stop()));
    await front.stop();
    return codes;
  };
  const failed = started.find((each) => each.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  return {
    url,
    front: front.kind,
    pids: () =>
      Object.fromEntries(
        [...Map.groupBy([{ app: 'front', pid: front.pid }, ...instances], ({ app }) => app)].map(([app, group]) => [
          app,
          group.flatMap(({ pid }) => pid ?? []),
        ]),
      ),
    instances: instances.filter(({ app }) => app !== sandboxApp.name),
    complaints: () => [...instances.flatMap((instance) => instance.complaints()), ...front.complaints()],
    stop,
  };
}
