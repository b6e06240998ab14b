import { frontedApps, sandboxApp } from '../../apps/gatehouse/src/front/app-paths.js';
import { freePorts } from '../../scripts/infrastructure/ports.mjs';
import { type Front, startFront } from './front.js';
import type { Running } from './running.js';
import { developmentOn, type OwnServers, spawnApp } from './spawned.js';

/** What all gateways of a site have to agree on, in development too where there are several. */
const PAGE_KEY = Buffer.alloc(32, 5).toString('base64');

/**
 * Starts two instances of every app, each a process of its own, and joins them on one port. Of the sandbox there is one: its
 * directory and its FHIR server live in memory.
 */
export async function startSeparateProcesses(own: OwnServers): Promise<Running & { readonly front: Front['kind'] }> {
  const wanted = [...frontedApps.map((app) => ({ app, count: 2 })), { app: sandboxApp, count: 1 }];
  const [frontPort = 0, ...free] = await freePorts(1 + wanted.reduce((sum, { count }) => sum + count, 0));
  const instances = wanted.map(({ app, count }) => ({ app, ports: free.splice(0, count) }));
  const url = `http://127.0.0.1:${frontPort}`;
  const front = await startFront(instances, frontPort, own.dataDir);
  const started = await Promise.allSettled(
    instances.flatMap(({ app, ports }) =>
      ports.map((port) =>
        spawnApp(
          app.name,
          {
            ...developmentOn(own),
            PORT: String(port),
            PUBLIC_URL: url,
            TRUSTED_PROXIES: '127.0.0.1',
            GATEWAY_PAGE_KEY: PAGE_KEY,
            LOG_LEVEL: 'info',
            DATABASE_POOL: '4',
          },
          '"message":"ready"',
        ),
      ),
    ),
  );
  const running = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const stop = async () => {
    const codes = await Promise.all(running.map((each) => each.stop()));
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
    complaints: () => [...running.flatMap((each) => each.complaints()), ...front.complaints()],
    stop,
  };
}
