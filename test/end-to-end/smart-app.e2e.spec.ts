import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { isolate, type Isolation } from '../environment/isolation.js';
import { startOneProcess } from './one-process.js';
import type { Running } from './running.js';
import { launchesSmartApplications } from './smart-launches.js';

describe('fhirclient, the library that SMART applications are written with, in Chromium', () => {
  let own: Isolation;
  let data: string;
  let gatehouse: Running;

  beforeAll(async () => {
    data = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-smart-'));
    own = await isolate();
    gatehouse = await startOneProcess({ ...own, dataDir: data });
    // As if it had been set up a while ago: of the first seconds nobody knows which assertions were spent.
    const database = new Client({ connectionString: own.databaseUrl });
    await database.connect();
    await database.query(
      "UPDATE protocol.replay_guard SET since = since - interval '1 minute', written_in = pg_current_xact_id()::xid",
    );
    await database.end();
  }, 120_000);

  afterAll(async () => {
    await gatehouse.stop();
    await own.dispose();
    rmSync(data, { recursive: true, force: true });
  }, 60_000);

  launchesSmartApplications(() => gatehouse);
});
