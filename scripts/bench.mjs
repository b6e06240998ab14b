/**
 * `npm run bench`: measures the write path on a broker of its own (or the one that KAFKA_BROKERS names) and prints the
 * figures with the machine and the versions they were measured on. Nothing here is a test.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBroker } from './infrastructure/kafka.mjs';
import { startProgram } from './infrastructure/processes.mjs';
import { exitWith } from './infrastructure/start-error.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

await measure().catch(exitWith);

async function measure() {
  const named = process.env['KAFKA_BROKERS'];
  const broker = named === undefined ? await startBroker() : undefined;
  try {
    const bench = startProgram(process.execPath, [path.join(ROOT, 'dist', 'test', 'bench', 'main.js')], {
      cwd: ROOT,
      env: { ...process.env, KAFKA_BROKERS: named ?? broker?.brokers ?? '' },
    });
    process.exitCode = (await bench.ended) ?? 1;
  } finally {
    await broker?.stop();
  }
}
