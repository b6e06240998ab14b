import { frontedApps, sandboxApp } from '../../apps/gatehouse/src/front/app-paths.js';
import { freePorts } from '../../scripts/infrastructure/ports.mjs';
import { startFront } from './front.js';
import type { Running } from './running.js';
import { developmentOn, type OwnServers, spawnApp } from './spawned.js';

/** Starts every app as a process of its own, all at once, and joins them on one port. */
export async function startSeparateProcesses(own: OwnServers): Promise<Running & { readonly front: string }> {
  const table = [...frontedApps, sandboxApp];
  const [frontPort = 0, ...ports] = await freePorts(table.length + 1);
  const apps = table.map((app, index) => ({ ...app, port: ports[index] ?? 0 }));
  const url = `http://127.0.0.1:${frontPort}`;
  const front = await startFront(apps, frontPort, own.dataDir);
  const started = await Promise.allSettled(
    apps.map(({ name, port }) =>
      spawnApp(
        name,
        {
          ...developmentOn(own),
          PORT: String(port),
          PUBLIC_URL: url,
          TRUSTED_PROXIES: '127.0.0.1',
          LOG_LEVEL: 'info',
        },
        '"message":"ready"',
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
