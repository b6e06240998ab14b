import { freePorts } from '../../scripts/infrastructure/ports.mjs';
import type { Running } from './running.js';
import { developmentOn, type OwnServers, spawnApp } from './spawned.js';

/** Starts the one process on a free port, with these settings beside those of development. */
export async function startOneProcess(
  own: OwnServers,
  settings: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const [port = 0] = await freePorts(1);
  const all = await spawnApp(
    'gatehouse',
    { ...developmentOn(own), ...settings, PORT: String(port) },
    'Gatehouse is ready',
  );
  return { url: `http://127.0.0.1:${port}`, ...all, stop: async () => [await all.stop()] };
}
