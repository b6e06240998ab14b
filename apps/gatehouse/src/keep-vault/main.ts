import { ConfigError, loadSections, VaultConfig, wrappingKeysOf } from '#host';
import { VaultCorrupt, VaultUnavailable } from '#vault';
import { parseArgs } from 'node:util';
import { rotate } from './rotate.js';
import { Failed, type Told } from './told.js';
import { VaultDatabase } from './vault-database.js';

/**
 * `npx gatehouse vault rotate`: a program of its own beside Postgres and the wrapping keys, which no service
 * is asked for. It reads DATABASE_URL and VAULT_… as the services do. Exit code: 0 done, 1 not so, 2 the configuration
 * has a fault.
 */
const { positionals, values: flags } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' } },
});

try {
  const { data, lines } = await run(positionals[0]);
  console.log(flags.json === true ? JSON.stringify(data, undefined, 2) : lines.join('\n'));
} catch (error) {
  if (error instanceof ConfigError) end(error.message, 2);
  else if (error instanceof VaultUnavailable) end(`Postgres or the key service does not answer: ${reasonOf(error)}`, 1);
  else if (error instanceof VaultCorrupt || error instanceof Failed) end(error.message, 1);
  else throw error;
}

async function run(verb: string | undefined): Promise<Told> {
  const config = loadSections({ name: 'vault', defaultPort: 0 }, [VaultConfig], process.env).get(VaultConfig);
  const keys = wrappingKeysOf(config, { development: false, dataDir: '' });
  const database = await VaultDatabase.connect(databaseUrl());
  try {
    if (verb === 'rotate') {
      if (!(await database.hasVault())) throw new Failed('There is no vault in that database: a service makes it.');
      return await rotate(database, keys, show);
    }
    throw new Failed(`There is no ${String(verb)}.`);
  } finally {
    await database.close();
    if (process.stderr.isTTY) process.stderr.write('\n');
  }
}

function databaseUrl(): string {
  const { DATABASE_URL: url = '' } = process.env;
  if (url !== '') return url;
  throw new ConfigError([{ variable: 'DATABASE_URL', mustBe: 'the Postgres that holds the vault' }]);
}

/** One line of a terminal that is written over and over; on anything else nothing. */
function show(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[2K${line}`);
}

function reasonOf({ cause, message }: Error): string {
  return cause instanceof Error ? cause.message || cause.name : message;
}

function end(message: string, code: number): void {
  console.error(message);
  process.exitCode = code;
}
