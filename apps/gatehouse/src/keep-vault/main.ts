import {
  ConfigError,
  DatabaseConfig,
  isDatabaseUnavailable,
  loadSections,
  TrustConfig,
  VaultConfig,
  wrappingKeysOf,
} from '#host';
import { VaultCorrupt, VaultUnavailable } from '#vault';
import { parseArgs } from 'node:util';
import { backup } from './backup.js';
import { restore } from './restore.js';
import { rotate } from './rotate.js';
import { Failed, type Told } from './told.js';
import { VaultDatabase } from './vault-database.js';

/**
 * `npx gatehouse vault backup | restore | rotate`: a program of its own beside Postgres and the wrapping keys, which no
 * service is asked for. It reads DATABASE_…, VAULT_… and TLS_CA as the services do, files included. Exit code: 0 done, 1 not so, 2 the
 * configuration has a fault.
 */
const {
  positionals: [verb, path],
  values: flags,
} = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, replace: { type: 'boolean' } },
});

let shown = false as boolean;

try {
  const { data, lines } = await run();
  console.log(flags.json === true ? JSON.stringify(data, undefined, 2) : lines.join('\n'));
} catch (error) {
  const away = error instanceof VaultUnavailable || isDatabaseUnavailable(error);
  if (error instanceof ConfigError) end(error.message, 2);
  else if (away) end(`Postgres or the key service does not answer: ${reasonOf(error)}`, 1);
  else if (error instanceof VaultCorrupt || error instanceof Failed) end(error.message, 1);
  else throw error;
} finally {
  if (shown) process.stderr.write('\n');
}

async function run(): Promise<Told> {
  const settings = loadSections(
    { name: 'vault', defaultPort: 0 },
    [TrustConfig, VaultConfig, DatabaseConfig],
    process.env,
  );
  settings.get(TrustConfig).apply();
  const keys = wrappingKeysOf(settings.get(VaultConfig), { development: false, dataDir: '' });
  const postgres = settings.get(DatabaseConfig);
  const server = { url: postgres.url, ssl: postgres.ssl() };
  if (verb === 'restore') {
    // The parts of all apps are loaded for their migrations: by nobody else.
    const { vaultMigrations } = await import('./vault-migrations.js');
    return await restore(server, keys, { path, replace: flags.replace === true }, vaultMigrations, show);
  }
  const database = await VaultDatabase.connect(server);
  try {
    if (!(await database.hasVault())) throw new Failed('There is no vault in that database: a service makes it.');
    if (verb === 'backup') return await backup(database, keys, path, show);
    if (verb === 'rotate') return await rotate(database, keys, show);
    throw new Failed(`There is no ${String(verb)}.`);
  } finally {
    await database.close();
  }
}

/** One line of a terminal that is written over and over; on anything else nothing. */
function show(line: string): void {
  if (!process.stderr.isTTY) return;
  shown = true;
  process.stderr.write(`\r\u001B[2K${line}`);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message || error.name;
}

function end(message: string, code: number): void {
  console.error(message);
  process.exitCode = code;
}
