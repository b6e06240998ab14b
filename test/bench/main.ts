import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { isolate } from '../environment/isolation.js';
import { type Bench, type BenchPart, machine } from './bench.js';

/** `npm run bench` runs every part; names choose (`npm run bench -- restart`). */
const folder = new URL('./parts/', import.meta.url);
const found = (await readdir(folder)).filter((file) => file.endsWith('.js')).map((file) => path.basename(file, '.js'));
const chosen = process.argv.length > 2 ? process.argv.slice(2) : found.sort();
const unknown = chosen.filter((name) => !found.includes(name));
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(', ')}. The parts are: ${found.sort().join(', ')}.`);
  process.exit(1);
}

console.log(machine());
for (const name of chosen) {
  const { part } = (await import(new URL(`${name}.js`, folder).href)) as { readonly part: BenchPart };
  console.log(`\n${name}: ${part.title}`);
  const own = await isolate();
  const silent = (): void => undefined;
  const bench: Bench = {
    ...own,
    settings: {
      brokers: own.brokers.split(','),
      clientId: 'bench',
      prefix: own.prefix,
      sink: { debug: silent, info: silent, warn: silent, error: silent },
    },
    servers: { broker: pidsIn('BENCH_BROKER_PIDS'), postgres: pidsIn('BENCH_POSTGRES_PIDS') },
    print: (line) => console.log(`  ${line}`),
  };
  await part.run(bench);
  await own.dispose();
}

function pidsIn(variable: string): readonly number[] {
  return (process.env[variable] ?? '').split(' ').filter(Boolean).map(Number);
}
