/**
 * `npm run demo`: walks one backend application through its life against a running `npm start`, and says what happens.
 * Ends with 1 at the first thing that is not as it must be.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { NotAsItMustBe } from './checks.js';
import { at } from './json.js';
import { lifecycle } from './lifecycle.js';
import { beginWalk } from './walk.js';

const url = addressOf(path.resolve(process.env['DATA_DIR'] ?? '.gatehouse', 'run.json'));
console.log(`The life of one application at ${url}`);
try {
  const walk = await beginWalk(url, (line) => console.log(`   ${line}`));
  for (const [number, stage] of lifecycle.entries()) {
    console.log(`\n${number + 1}. ${stage.title}`);
    await stage.run(walk);
  }
  console.log('\nAll of it is as it must be.');
} catch (error) {
  console.error(describe(error));
  process.exitCode = 1;
}

/** Where the running start listens: it leaves a file for as long as it runs. */
function addressOf(runFile: string): string {
  if (process.env['GATEHOUSE_URL']) return process.env['GATEHOUSE_URL'];
  if (!existsSync(runFile)) {
    console.error('Gatehouse does not run: `npm start` it in another terminal, wait for its line, then try again.');
    process.exit(1);
  }
  const run: unknown = JSON.parse(readFileSync(runFile, 'utf8'));
  return `http://127.0.0.1:${String(at(run, 'environment.PORT'))}`;
}

function describe(error: unknown): string {
  if (error instanceof NotAsItMustBe) return `\nNot as it must be: ${error.message}`;
  if (error instanceof TypeError && error.message === 'fetch failed')
    return `\nNothing answers at ${url}: is it ready?`;
  return `\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
