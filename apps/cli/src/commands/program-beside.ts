import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Failure } from '../failure.js';

/**
 * Runs a program of apps/gatehouse that works beside the services, with its settings from the environment as theirs are.
 * What it prints is printed, and its exit code is ours.
 *
 * @param program the folder that it stands in
 */
export async function runBeside(program: 'log-acls' | 'keep-vault', flags: readonly string[]): Promise<void> {
  const main = fileURLToPath(new URL(`../../../gatehouse/src/${program}/main.js`, import.meta.url));
  const child = spawn(process.execPath, [main, ...flags], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === null) throw new Failure('It was ended before it was done.');
  process.exitCode = code;
}
