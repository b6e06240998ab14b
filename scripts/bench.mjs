/**
 * `npm run bench`: measures on a broker and a Postgres of its own (or those that KAFKA_BROKERS and DATABASE_URL name) and
 * prints the figures with the machine and the versions they were measured on. Nothing here is a test. Names choose parts
 * (test/bench/parts): `npm run bench -- commands`. BENCH_NODE_OPTIONS=--cpu-prof profiles the bench, and the service that
 * the part `rest` starts.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBroker } from './infrastructure/kafka.mjs';
import { startPostgres } from './infrastructure/postgres.mjs';
import { startProgram } from './infrastructure/processes.mjs';
import { exitWith } from './infrastructure/start-error.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

await measure().catch(exitWith);

async function measure() {
  const { KAFKA_BROKERS: namedBrokers, DATABASE_URL: namedDatabase } = process.env;
  const broker = namedBrokers === undefined ? await startBroker() : undefined;
  const postgres = namedDatabase === undefined ? await startPostgres() : undefined;
  try {
    const main = path.join(ROOT, 'dist', 'test', 'bench', 'main.js');
    const options = (process.env['BENCH_NODE_OPTIONS'] ?? '').split(' ').filter((option) => option !== '');
    const bench = startProgram(process.execPath, [...options, '--expose-gc', main, ...process.argv.slice(2)], {
      cwd: ROOT,
      env: {
        ...process.env,
        KAFKA_BROKERS: namedBrokers ?? broker?.brokers ?? '',
        DATABASE_URL: namedDatabase ?? postgres?.url ?? '',
        BENCH_BROKER_PIDS: (broker?.pids() ?? []).join(' '),
        BENCH_POSTGRES_PIDS: (postgres?.pids() ?? []).join(' '),
      },
    });
    process.exitCode = (await bench.ended) ?? 1;
  } finally {
    await Promise.all([broker?.stop(), postgres?.stop()]);
  }
}
