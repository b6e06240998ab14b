import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import {
  CreateVault1763942400000,
  KeepVaultKeys1764252000000,
  LocalWrappingKeys,
  PostgresVault,
  type VaultStore,
} from '#vault';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';

let own: Isolation;
let client: Client;
let store: VaultStore;
let spare: Isolation | undefined;
const [first, second] = [randomBytes(32), randomBytes(32)];
const written = (...keys: readonly Buffer[]): string => keys.map((key) => key.toString('base64')).join(',');

beforeEach(async () => {
  own = await isolate();
  client = new Client({ connectionString: own.databaseUrl });
  await client.connect();
  store = {
    query: async <Row extends object>(sql: string, parameters: readonly unknown[]) =>
      (await client.query<Row>(sql, [...parameters])).rows,
  };
});
afterEach(async () => {
  await client.end();
  await own.dispose();
});

/** A vault as the services make one. */
async function vaultUnder(...keys: [Buffer, ...Buffer[]]): Promise<PostgresVault> {
  await client.query('CREATE SCHEMA IF NOT EXISTS vault');
  const migrations = [CreateVault1763942400000, KeepVaultKeys1764252000000];
  const source = new DataSource({
    type: 'postgres',
    url: own.databaseUrl,
    schema: 'vault',
    migrations,
    logging: false,
  });
  await source.initialize();
  await source.runMigrations();
  await source.destroy();
  return new PostgresVault(store, new LocalWrappingKeys(...keys));
}

/** `npx gatehouse vault …`, with its settings. */
async function vaultProgram(flags: readonly string[], environment: Record<string, string | undefined> = {}) {
  const child = spawn(process.execPath, ['apps/cli/bin/gatehouse.js', 'vault', ...flags], {
    env: { ...process.env, NODE_OPTIONS: undefined, DATABASE_URL: own.databaseUrl, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, out, err };
}

test('takes its settings from files, as every deployment gives them', async () => {
  await vaultUnder(first);
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-vault-'));
  const [url, key, file] = [path.join(folder, 'url'), path.join(folder, 'key'), path.join(folder, 'vault.backup')];
  try {
    await Promise.all([writeFile(url, own.databaseUrl), writeFile(key, written(first))]);
    const given = { DATABASE_URL: undefined, DATABASE_URL_FILE: url, VAULT_KEY_FILE: key };
    expect(await vaultProgram(['backup', file], given)).toMatchObject({ code: 0, err: '' });
    const { code, err } = await vaultProgram(['backup', file], { ...given, DATABASE_URL_FILE: undefined });
    expect([code, err]).toEqual([2, expect.stringContaining('DATABASE_URL must be')]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** A Postgres that was lost: the same server, an empty database. */
async function emptyDatabase(): Promise<string> {
  spare ??= await isolate();
  return spare.databaseUrl;
}

describe('gatehouse vault backup and restore', () => {
  let folder: string;
  let file: string;
  const VAULT_KEY = written(first);
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-vault-'));
    file = path.join(folder, 'vault.backup');
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
    await spare?.dispose();
    spare = undefined;
  });

  /** A vault with so many sealed values, and what is known of it. */
  async function filled(size = 3) {
    const vault = await vaultUnder(first);
    const ada = await vault.subjectId('i', 'ada', { name: 'Ada Lovelace', email: 'ada@example.org' });
    const sealed: string[] = [];
    for (let number = 0; number < size; number++)
      sealed.push(await vault.seal(`owner ${String(number)}`, `value ${String(number)}`));
    return { vault, ada, sealed };
  }
  const restored = async (url: string, ...keys: [Buffer, ...Buffer[]]) => {
    const other = new Client({ connectionString: url });
    await other.connect();
    const query: VaultStore['query'] = async <Row extends object>(sql: string, parameters: readonly unknown[]) =>
      (await other.query<Row>(sql, [...parameters])).rows;
    return { vault: new PostgresVault({ query }, new LocalWrappingKeys(...keys)), close: () => other.end() };
  };

  it('makes one file for its owner alone, with nothing in the clear, from which an empty Postgres has all again', async () => {
    // More than is read at a time.
    const { ada, sealed } = await filled(1_200);
    const made = await vaultProgram(['backup', file, '--json'], { VAULT_KEY });
    const { wrappedBy, rows } = JSON.parse(made.out) as { wrappedBy: string; rows: number };
    expect(made).toMatchObject({ code: 0, err: '' });
    expect(wrappedBy).toBe(await new LocalWrappingKeys(first).currentId());
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const bytes = await readFile(file);
    // Three letters stand by chance in what is sealed.
    expect(['Ada Lovelace', 'ada@example.org', 'subjects', ada].filter((text) => bytes.includes(text))).toEqual([]);
    expect(await readdir(folder)).toEqual(['vault.backup']);

    const DATABASE_URL = await emptyDatabase();
    const put = await vaultProgram(['restore', file, '--json'], { VAULT_KEY, DATABASE_URL });
    expect(put).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(put.out)).toEqual({ file, rows });
    const { vault, close } = await restored(DATABASE_URL, first);
    expect(await vault.subjectId('i', 'ada')).toBe(ada);
    expect(await vault.lookupSubject(ada)).toMatchObject({ name: 'Ada Lovelace', email: 'ada@example.org' });
    expect([...(await vault.openAll(sealed)).values()].sort()).toEqual(
      sealed.map((_, n) => `value ${String(n)}`).sort(),
    );
    await close();
  });

  it('opens under the key that it was made under, also after a rotation, and under no other', async () => {
    const { ada } = await filled();
    await vaultProgram(['backup', file], { VAULT_KEY });
    await vaultProgram(['rotate'], { VAULT_KEY: written(second, first) });
    const DATABASE_URL = await emptyDatabase();
    const wrong = await vaultProgram(['restore', file], { VAULT_KEY: written(second), DATABASE_URL });
    expect(wrong).toEqual({ code: 1, out: '', err: expect.stringMatching(/^the vault cannot open .*local:.*\n$/) });
    expect((await vaultProgram(['restore', file], { VAULT_KEY: written(second, first), DATABASE_URL })).code).toBe(0);
    const { vault, close } = await restored(DATABASE_URL, second, first);
    expect(await vault.lookupSubject(ada)).toMatchObject({ name: 'Ada Lovelace' });
    await close();
  });

  it('takes nothing from a file that was cut, and leaves what was there', async () => {
    const { vault, ada } = await filled();
    await vaultProgram(['backup', file], { VAULT_KEY });
    await truncate(file, (await stat(file)).size - 1);
    const put = await vaultProgram(['restore', file, '--replace'], { VAULT_KEY });
    expect(put).toEqual({ code: 1, out: '', err: expect.stringMatching(/cut or changed.*\n$/) });
    expect(await vault.lookupSubject(ada)).toMatchObject({ name: 'Ada Lovelace' });
  });

  it('replaces a vault only when it is told to, and only while no service is connected', async () => {
    const { ada } = await filled();
    await vaultProgram(['backup', file], { VAULT_KEY });
    const later = await (await vaultUnder(first)).subjectId('i', 'later');
    const refused = await vaultProgram(['restore', file], { VAULT_KEY });
    expect(refused).toEqual({ code: 1, out: '', err: expect.stringMatching(/^There is a vault .*--replace.*\n$/) });
    const service = new Client({ connectionString: own.databaseUrl, application_name: 'gatehouse-token' });
    await service.connect();
    const busy = await vaultProgram(['restore', file, '--replace'], { VAULT_KEY });
    expect(busy).toEqual({ code: 1, out: '', err: expect.stringMatching(/gatehouse-token.*stop them first.*\n$/) });
    await service.end();
    expect((await vaultProgram(['restore', file, '--replace'], { VAULT_KEY })).code).toBe(0);
    const { vault, close } = await restored(own.databaseUrl, first);
    expect([...(await vault.lookupSubjects([ada, later])).keys()]).toEqual([ada]);
    await close();
  });

  it('writes over no file, and says what is missing', async () => {
    await vaultUnder(first);
    await writeFile(file, 'mine');
    expect((await vaultProgram(['backup', file], { VAULT_KEY })).err).toMatch(/is there already/);
    expect(await readFile(file, 'utf8')).toBe('mine');
    expect((await vaultProgram(['backup'], { VAULT_KEY })).code).toBe(2);
    expect((await vaultProgram(['restore', path.join(folder, 'none')], { VAULT_KEY })).err).toMatch(/ENOENT/);
    const nowhere = path.join(folder, 'none', 'file');
    expect(await vaultProgram(['backup', nowhere], { VAULT_KEY })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^.*ENOENT.*\n$/),
    });
  });

  it('is of one release with another: what this one does not know it does not take', async () => {
    await vaultUnder(first);
    await client.query(
      `INSERT INTO vault.migrations ("timestamp", name) VALUES (1999999999999, 'OfTomorrow1999999999999')`,
    );
    await vaultProgram(['backup', file], { VAULT_KEY });
    const DATABASE_URL = await emptyDatabase();
    const put = await vaultProgram(['restore', file], { VAULT_KEY, DATABASE_URL });
    expect(put).toEqual({ code: 1, out: '', err: expect.stringMatching(/later release: OfTomorrow.*\n$/) });
  });
});

describe('gatehouse vault rotate', () => {
  it('wraps all under the first key; the earlier one is then needed no more; a second time nothing is left to do', async () => {
    const before = await vaultUnder(first);
    const ada = await before.subjectId('i', 'ada', { name: 'Ada' });
    const { code, out } = await vaultProgram(['rotate', '--json'], { VAULT_KEY: written(second, first) });
    const currentId = await new LocalWrappingKeys(second).currentId();
    expect({ code, out: JSON.parse(out) as unknown }).toEqual({ code: 0, out: { currentId, rewrapped: 2 } });
    expect(await (await vaultUnder(second)).lookupSubject(ada)).toMatchObject({ name: 'Ada' });
    expect((await vaultProgram(['rotate'], { VAULT_KEY: written(second) })).out).toMatch(/^0 keys were wrapped anew/);
  });

  it.each([[['rotate']], [['backup', 'never-made']], [['restore', 'never-read']]])(
    '%j says nothing to a server without TLS where TLS is asked for',
    async (flags) => {
      await (await vaultUnder(first)).subjectId('i', 'ada', { name: 'Ada' });
      const settings = { VAULT_KEY: written(first), DATABASE_TLS: '1' };
      const { code, out, err } = await vaultProgram(flags, settings);
      expect({ code, out, err }).toEqual({ code: 1, out: '', err: expect.stringContaining('does not support SSL') });
    },
  );

  it('ends with 1 and one line where the key that wrapped is missing, the database is away, or there is no vault', async () => {
    const before = await vaultUnder(first);
    const sealed = await before.seal('owner', 'value');
    const missing = await vaultProgram(['rotate'], { VAULT_KEY: written(second) });
    expect(missing).toEqual({ code: 1, out: '', err: expect.stringMatching(/^the vault cannot open .*local:.*\n$/) });
    expect(await before.open(sealed)).toBe('value');
    const away = await vaultProgram(['rotate'], {
      VAULT_KEY: written(first),
      DATABASE_URL: 'postgres://127.0.0.1:1/x',
    });
    expect(away).toEqual({ code: 1, out: '', err: expect.stringMatching(/^Postgres .*ECONNREFUSED.*\n$/) });
    await client.query('DROP SCHEMA vault CASCADE');
    const none = await vaultProgram(['rotate'], { VAULT_KEY: written(first) });
    expect(none).toEqual({ code: 1, out: '', err: expect.stringMatching(/^There is no vault .*\n$/) });
  });

  it('ends with 2 where a setting is missing or malformed', async () => {
    expect((await vaultProgram(['rotate'], { VAULT_KEY: undefined })).code).toBe(2);
    expect((await vaultProgram(['rotate'], { VAULT_KEY: 'c2hvcnQ=' })).err).not.toContain('c2hvcnQ=');
    const without = await vaultProgram(['rotate'], { VAULT_KEY: written(first), DATABASE_URL: undefined });
    expect({ code: without.code, err: without.err }).toEqual({ code: 2, err: expect.stringContaining('DATABASE_URL') });
  });
});
