import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
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
