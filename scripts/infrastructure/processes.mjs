import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const GUARDIAN = fileURLToPath(new URL('guardian.mjs', import.meta.url));

/** How much of a child's last words is kept for an error message. */
const LAST_WORDS = 16_384;

/** @type {import('node:child_process').ChildProcess | undefined} */
let guardian;

/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();

/**
 * A running child of this process.
 *
 * @typedef {object} Running
 * @property {number} pid
 * @property {Promise<void>} ended fulfils when the process is gone
 * @property {() => boolean} alive
 * @property {() => string} lastWords the end of what it wrote to standard output and error
 * @property {(signal: NodeJS.Signals) => void} signal
 * @property {(options?: { signal?: NodeJS.Signals, graceMs?: number }) => Promise<void>} stop
 *   signals (SIGTERM) and waits; after `graceMs` (5000) SIGKILL
 */

/**
 * Starts a server that does not outlive this process, in a process group of its own, so that Ctrl-C reaches only us and
 * we choose the order in which things stop. Fulfils as soon as `ready` finds what it looks for in the output.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} options
 * @param {RegExp} options.ready
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {number} [options.uid]
 * @param {number} [options.gid]
 * @param {number} [options.timeoutMs]
 * @param {(lastWords: string) => Error} options.failed makes the error for a child that ended, or said nothing in time
 * @returns {Promise<Running>}
 */
export async function startServer(command, args, { ready, timeoutMs = 60_000, failed, ...options }) {
  const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve);
  });
  let words = '';
  /** @type {(() => void) | undefined} */
  let heard;
  const listen = (/** @type {Buffer} */ chunk) => {
    words = (words + chunk.toString()).slice(-LAST_WORDS);
    if (heard && ready.test(words)) heard();
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  child.once('error', (error) => (words += `\n${error.message}`));

  const pid = child.pid;
  if (pid === undefined) {
    await ended;
    throw failed(words);
  }
  guard('watch', pid);
  children.add(child);
  let alive = true;
  void ended.then(() => {
    alive = false;
    children.delete(child);
    guard('forget', pid);
  });

  /** @type {Running} */
  const running = {
    pid,
    ended: ended.then(() => undefined),
    alive: () => alive,
    lastWords: () => words,
    signal: (signal) => void child.kill(signal),
    stop: async ({ signal = 'SIGTERM', graceMs = 5000 } = {}) => {
      if (!alive) return;
      child.kill('SIGCONT'); // a process stopped by SIGSTOP hears nothing else
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await ended;
      clearTimeout(timer);
    },
  };

  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const outcome = await Promise.race([
    new Promise((resolve) => (heard = () => resolve('ready'))),
    ended.then(() => 'ended'),
    new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs, 'silent'))),
  ]);
  clearTimeout(timer);
  heard = undefined;
  if (outcome === 'ready') return running;
  if (outcome === 'ended' && child.stdout.readable) await Promise.race([once(child, 'close'), delay(500)]);
  await running.stop({ signal: 'SIGKILL' });
  throw failed(words);
}

/**
 * Starts a program that writes to our own output, in a process group of its own, and that does not outlive us.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 * @returns {{ pid: number | undefined, ended: Promise<number | null>, signal: (signal: NodeJS.Signals) => void }}
 *   `ended` fulfils with its exit code, null where a signal ended it
 */
export function startProgram(command, args, options) {
  const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
  const { pid } = child;
  if (pid !== undefined) guard('watch', pid);
  children.add(child);
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', () => resolve(null));
  });
  void ended.then(() => {
    children.delete(child);
    if (pid !== undefined) guard('forget', pid);
  });
  return { pid, ended, signal: (signal) => void child.kill(signal) };
}

/**
 * Runs a command to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<{ code: number | null, output: string }>} standard output and error together; code null when the
 *   command does not exist or was killed
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    children.add(child);
    child.once('close', () => children.delete(child));
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    child.once('error', (error) => resolve({ code: null, output: `${output}${error.message}` }));
    child.once('close', (code) => resolve({ code, output }));
  });
}

/**
 * Ends everything that this process started and that still runs, for a start that is broken off half-way.
 *
 * @param {number} graceMs
 */
export async function stopEverything(graceMs) {
  const running = [...children];
  for (const child of running) child.kill('SIGINT'); // Postgres would wait for its clients after SIGTERM
  const timer = setTimeout(() => running.forEach((child) => child.kill('SIGKILL')), graceMs);
  await Promise.all(running.map(gone));
  clearTimeout(timer);
}

/** @param {import('node:child_process').ChildProcess} child */
async function gone(child) {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/**
 * Has a folder of ours deleted even if this process is killed.
 *
 * @param {string} folder
 * @returns {() => void} call it when the folder is gone
 */
export function removeAfterUs(folder) {
  guard('remove', folder);
  return () => guard('keep', folder);
}

/**
 * The process that cleans up for us if we cannot. Started with the first child, and ends with us.
 *
 * @param {'watch' | 'forget' | 'remove' | 'keep'} verb
 * @param {number | string} what a process id, or a folder
 */
function guard(verb, what) {
  if (!guardian) {
    guardian = spawn(process.execPath, [GUARDIAN], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {},
    });
    guardian.on('error', () => undefined); // without it we still stop what we started; only a kill -9 would leave it
    guardian.stdin?.on('error', () => undefined);
    guardian.unref();
    /** @type {import('node:net').Socket | null} */ (guardian.stdin)?.unref();
  }
  guardian.stdin?.write(`${verb} ${String(what)}\n`);
}

/** @param {number} ms */
function delay(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
