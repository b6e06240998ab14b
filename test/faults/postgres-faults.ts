import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removePostgres, startPostgres } from '../../scripts/infrastructure/postgres.mjs';
import { type FaultReport, underLoad } from './under-load.js';

/** A Postgres that can be taken away and comes back on the same port with the same data. */
export interface StoppablePostgres {
  readonly url: string;
  /** Stops it, runs what is to happen meanwhile, and starts it again; its data stands in the directory. */
  without(work: (directory: string) => Promise<void>): Promise<void>;
  remove(): Promise<void>;
}

export async function stoppablePostgres(): Promise<StoppablePostgres> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'gatehouse-postgres-'));
  let running = await startPostgres({ directory });
  const { url } = running;
  const port = Number(new URL(url).port);
  return {
    url,
    async without(work) {
      await running.stop();
      try {
        await work(directory);
      } finally {
        running = await startPostgres({ directory, port });
      }
    },
    async remove() {
      await running.stop();
      await removePostgres(directory);
    },
  };
}

/** Postgres goes away under load and comes back: commands need none, projections catch up. */
export async function stopPostgres(downMs: number, perSecond: number): Promise<FaultReport> {
  const postgres = await stoppablePostgres();
  try {
    return await underLoad(
      perSecond,
      async () => {
        await delay(3_000); // so that rows and checkpoints are moving
        await postgres.without(() => delay(downMs));
        await delay(3_000); // the load goes on while the projection catches up
      },
      { databaseUrl: postgres.url },
    );
  } finally {
    await postgres.remove();
  }
}
