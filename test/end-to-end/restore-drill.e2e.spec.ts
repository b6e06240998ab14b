import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { Client } from 'pg';
import { freePorts } from '../../scripts/infrastructure/ports.mjs';
import { until } from '../demo/checks.js';
import { Person, send } from '../demo/http.js';
import { textAt } from '../demo/json.js';
import { lifecycle } from '../demo/lifecycle.js';
import { beginWalk } from '../demo/walk.js';
import { isolate, type Isolation } from '../environment/isolation.js';
import { settingsFor } from '../faults/counter-load.js';
import { CONTACTS, liveOtherLives, type OtherLives } from '../leaks/other-lives.js';
import { fillWithEvents } from './drill-log.js';
import { developmentOn, spawnApp, type Spawned } from './spawned.js';

const VAULT_KEY = Buffer.alloc(32, 7).toString('base64');
/** How many applications there are besides those of the walks. */
const APPLICATIONS = 20;
/** How many events the log has before all that; a larger drill is the same one: `DRILL_EVENTS=1000000 npm test -- e2e -- restore-drill`. */
const EVENTS = Number(process.env['DRILL_EVENTS'] ?? 0);
/** Tables with more rows are compared by a digest of all. */
const ROWS_SHOWN = 10_000;
/** What says how far something is, and not what it holds. */
const BOOKS = ['migrations', 'checkpoints', 'rebuilds', 'snapshots', 'snapshot_parts'];
const UNSIGNED = `
  SELECT 1 FROM projection.audit_trees t WHERE NOT EXISTS (
    SELECT FROM projection.audit_checkpoints c WHERE c.log_topic = t.log_topic AND c.log_partition = t.log_partition)`;

describe('Postgres is lost but for a backup of the vault, which is older than an erasure', () => {
  let own: Isolation;
  let data: string;
  let sql: Client;
  let url: string;
  let gatehouse: Spawned;
  let lives: OtherLives;
  let before: ReadonlyMap<string, readonly string[]>;

  const start = async (): Promise<Spawned> => {
    // Each partition's first head is signed at once, and no other in the time that the drill takes.
    const AUDIT_CHECKPOINT_SECONDS = '86400';
    const environment = { PORT: new URL(url).port, VAULT_KEY, AUDIT_CHECKPOINT_SECONDS };
    return await spawnApp(
      'gatehouse',
      { ...developmentOn({ ...own, dataDir: data }), ...environment },
      'Gatehouse is ready',
    );
  };

  beforeAll(
    async () => {
      data = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-drill-'));
      const backup = path.join(data, 'vault.backup');
      own = await isolate();
      sql = new Client({ connectionString: own.databaseUrl });
      await sql.connect();
      if (EVENTS > 0) await fillWithEvents(settingsFor(own.brokers, own.prefix), EVENTS);
      url = `http://127.0.0.1:${String((await freePorts(1))[0])}`;
      gatehouse = await start();
      const walk = await beginWalk(url, () => undefined);
      for (const stage of lifecycle) await stage.run(walk);
      for (let number = 0; number < APPLICATIONS; number++)
        await walk.developer.call('/registration/applications', { json: registration(number) }, 201);
      lives = await liveOtherLives(url, walk, () => vaultProgram(own.databaseUrl, 'backup', backup));
      await caughtUp(walk.operator);
      await until(
        'every tree is signed',
        () => sql.query(UNSIGNED),
        ({ rowCount }) => rowCount === 0,
      );
      before = await projectionsOf(sql);
      await gatehouse.stop();

      for (const schema of ['projection', 'protocol', 'vault']) await sql.query(`DROP SCHEMA ${schema} CASCADE`);
      await vaultProgram(own.databaseUrl, 'restore', backup);
      const begun = performance.now();
      gatehouse = await start();
      await caughtUp(await Person.signedIn(url, 'operator@example.org'));
      const seconds = (performance.now() - begun) / 1_000;
      const { rows } = await sql.query<{ records: string }>('SELECT count(*) AS records FROM projection.audit_records');
      process.stdout.write(`${JSON.stringify({ drill: 'restored', events: Number(rows[0]?.records), seconds })}\n`);
    },
    300_000 + 2 * EVENTS,
  );

  afterAll(async () => {
    await gatehouse.stop();
    await sql.end();
    await own.dispose();
    rmSync(data, { recursive: true, force: true });
  }, 60_000);

  it('projections are as they were, row by row', async () => {
    const after = await projectionsOf(sql);
    expect(before.get('applications')?.length).toBeGreaterThan(EVENTS > 0 ? 0 : APPLICATIONS);
    expect([...after.keys()]).toEqual([...before.keys()]);
    for (const [table, rows] of before) {
      expect([table, after.get(table)]).toEqual([table, rows]);
    }
  });

  it('people are who they were, and own what they owned', async () => {
    const developer = await Person.signedIn(url, 'dev@example.org');
    const { body } = await developer.get(`/registration/applications/${lives.applicationId}`);
    expect(textAt(body, 'contacts.0')).toBe(CONTACTS[1]);
  });

  it('sessions and what they gave have ended', async () => {
    const form = { grant_type: 'refresh_token', refresh_token: lives.refreshToken };
    const refreshed = await send(`${url}/oauth/token`, { form, headers: { authorization: lives.authorization } });
    expect([refreshed.status, textAt(refreshed.body, 'error')]).toEqual([400, 'invalid_grant']);
    expect((await sql.query('SELECT 1 FROM protocol.sessions')).rowCount).toBe(0);
  });

  it('who was erased since the backup stays erased', async () => {
    expect((await sql.query('SELECT 1 FROM vault.subjects WHERE id = $1', [lives.erased])).rowCount).toBe(0);
    const operator = await Person.signedIn(url, 'operator@example.org');
    const again = await operator.post(`/oauth/users/${lives.erased}/erasure`, { reason: 'requested' });
    expect(textAt(again.body, 'erasedAt')).toBe(lives.erasedAt);
  });
});

const registration = (number: number) => ({
  name: `Drill Charts ${String(number)}`,
  kind: 'patient-access',
  clientType: 'public',
  scopes: ['launch/patient', 'patient/Patient.rs'],
  purposesOfUse: [{ code: 'PATRQT', justification: 'Parents look at how their children grow.' }],
  redirectUris: ['http://127.0.0.1:9/back'],
  contacts: [`drill-${String(number)}@contacts.example`],
  submit: true,
});

/** `npx gatehouse vault …` that must succeed. */
async function vaultProgram(databaseUrl: string, ...arguments_: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, ['apps/cli/bin/gatehouse.js', 'vault', ...arguments_], {
    env: { ...process.env, NODE_OPTIONS: undefined, DATABASE_URL: databaseUrl, VAULT_KEY },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number | null]>]);
  if (code !== 0) throw new Error(`vault ${arguments_.join(' ')} ended with ${String(code)}: ${said}`);
}

/** Resolves when every projection has read all that the log has. */
async function caughtUp(operator: Person): Promise<void> {
  for (const context of ['registration', 'approval', 'review', 'audit'])
    for (let behind = 1; behind > 0;) {
      const { body } = await operator.get(`/${context}/projections`);
      const { items } = body as { readonly items: readonly { readonly behind: number }[] };
      behind = items.reduce((sum, item) => sum + item.behind, 0);
    }
}

/** The rows of every table that is derived from the log, in an order of their own; of a large one their number and a digest. */
async function projectionsOf(client: Client): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE n.nspname = 'projection' AND t.relkind = 'r' AND relname <> ALL ($1) ORDER BY 1`,
    [BOOKS],
  );
  const found = new Map<string, readonly string[]>();
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: string }>(
      `WITH counted AS (SELECT count(*) AS all_rows FROM projection.${name})
       SELECT t::text AS row FROM projection.${name} t, counted WHERE all_rows <= $1
        UNION ALL
       SELECT all_rows || ' rows, ' || (SELECT sum(hashtextextended(t::text, 0)::numeric) FROM projection.${name} t)
         FROM counted WHERE all_rows > $1
        ORDER BY 1`,
      [ROWS_SHOWN],
    );
    found.set(
      name,
      rows.map(({ row }) => row),
    );
  }
  return found;
}
