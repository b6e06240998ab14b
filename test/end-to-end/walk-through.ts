import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { lifecycle } from '../demo/lifecycle.js';
import { beginWalk, type Walk } from '../demo/walk.js';
import { isolate, type Isolation } from '../environment/isolation.js';
import { differencesAfterRebuild } from './rebuild-all.js';
import type { Running } from './running.js';
import type { OwnServers } from './spawned.js';

/** Tests, inside a `describe`: the whole lifecycle of one application on a Gatehouse that `start` gives. */
export function walksThroughTheLifecycle<R extends Running>(start: (own: OwnServers) => Promise<R>): () => R {
  let own: Isolation;
  let data: string;
  let gatehouse: R;
  let walk: Walk;
  const said: string[] = [];

  beforeAll(async () => {
    data = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-lifecycle-'));
    own = await isolate();
    gatehouse = await start({ ...own, dataDir: data });
    walk = await beginWalk(gatehouse.url, (line) => said.push(line));
  }, 180_000);
  afterAll(async () => {
    const codes = await gatehouse.stop();
    await own.dispose();
    rmSync(data, { recursive: true, force: true });
    const complaints = gatehouse.complaints();
    expect({ codes, complaints }).toEqual({ codes: codes.map(() => 0), complaints: [] });
  }, 60_000);

  // Each stage stands on the one before it: after the first that fails the others would only say so again.
  let failed = false;
  it.each(lifecycle)(
    '$title',
    async (stage) => {
      if (failed) throw new Error('an earlier stage failed');
      failed = true;
      await stage.run(walk);
      failed = false;
      expect(said).not.toEqual([]);
    },
    120_000,
  );

  it('leaves projections that are the same when they are derived from the log again', async () => {
    if (failed) throw new Error('an earlier stage failed');
    expect(await differencesAfterRebuild(walk.operator, own.databaseUrl)).toEqual([]);
  }, 120_000);
  return () => gatehouse;
}
