/**
 * Runs before `npm start` and `npm test`, with whatever Node the machine has and perhaps nothing installed: only
 * built-ins here. Installs the packages of the lockfile where they are not, compiles what changed, and says nothing when
 * there is nothing to do.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitWith, StartError } from './infrastructure/start-error.mjs';
import { waitForLock } from './infrastructure/lock.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NODE = path.join(ROOT, 'node_modules', '.bin', 'node');
const LOWEST_NODE = 20;

try {
  if (Number(process.versions.node.split('.')[0]) < LOWEST_NODE) {
    throw new StartError(
      `Node ${process.versions.node} is too old: install Node ${String(LOWEST_NODE)} or newer, then try again.`,
    );
  }
  mkdirSync(path.join(ROOT, '.gatehouse'), { recursive: true });
  const lock = await waitForLock(path.join(ROOT, '.gatehouse', 'setup.lock'));
  try {
    if (!isInstalled()) install();
    const { build } = await import('./build.mjs');
    await build();
  } finally {
    lock.release();
  }
} catch (error) {
  exitWith(error);
}

/**
 * Whether node_modules holds what the lockfile names. npm keeps a lockfile of what it installed, written last, so an
 * install that was cut short does not count either.
 */
function isInstalled() {
  const installed = path.join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(installed) || !existsSync(NODE)) return false;
  const wanted = packagesOf(path.join(ROOT, 'package-lock.json'));
  const present = packagesOf(installed);
  return Object.entries(wanted).every(
    ([name, { version, optional, link }]) =>
      !name || link || optional || !version || present[name]?.version === version,
  );
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, optional?: boolean, link?: boolean }>}
 */
function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

function install() {
  console.error('Installing the packages of package-lock.json ...');
  const npm = process.env['npm_execpath'];
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = npm
    ? spawnSync(process.execPath, [npm, ...args], { cwd: ROOT, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    throw new StartError(
      `npm ci failed${error ? ` (${error.message})` : ''}; what it said stands above. The first start needs the network.`,
    );
  }
  const works = spawnSync(NODE, ['--version']).status === 0;
  if (!works) {
    throw new StartError(
      'npm installed the packages but ran no install scripts, and Node 24 comes by one: run `npm ci --ignore-scripts=false`.',
    );
  }
}
