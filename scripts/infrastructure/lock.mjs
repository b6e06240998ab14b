import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { hasCode } from './start-error.mjs';

/**
 * A process that a file names. The time at which it started tells it from a later one with the same id.
 *
 * @typedef {object} Named
 * @property {number} pid
 * @property {string} started
 */

/**
 * Takes a lock: a file that names its holder and is there complete or not at all. A lock whose holder is gone (it was
 * killed) is taken over.
 *
 * @param {string} file
 * @returns {{ release: () => void } | { holder: Named }} the lock, or who has it
 */
export function takeLock(file) {
  const mine = `${file}.${randomUUID()}`;
  writeFileSync(mine, JSON.stringify(nameOf(process.pid)));
  try {
    for (;;) {
      try {
        linkSync(mine, file);
        return { release: () => rmSync(file, { force: true }) };
      } catch (error) {
        if (!hasCode(error, 'EEXIST')) throw error;
      }
      const holder = readHolder(file);
      if (holder && isRunning(holder)) return { holder };
      removeStale(file, holder);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/**
 * @param {string} file
 * @returns {Promise<{ release: () => void }>}
 */
export async function waitForLock(file) {
  for (;;) {
    const taken = takeLock(file);
    if ('release' in taken) return taken;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/**
 * @param {number} pid
 * @returns {Named}
 */
export function nameOf(pid) {
  return { pid, started: startOf(pid) ?? '' };
}

/**
 * Whether the very process that was named is still there.
 *
 * @param {Named} named
 */
export function isRunning({ pid, started }) {
  return startOf(pid) === started;
}

/**
 * When a process started, in the system's own words.
 *
 * @param {number} pid
 * @returns {string | undefined} undefined when there is no such process
 */
function startOf(pid) {
  if (process.platform === 'linux') {
    try {
      const text = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
      // Field 22, counted after the name, which may hold spaces. A zombie is gone for our purposes.
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * @param {string} file
 * @returns {Named | undefined}
 */
function readHolder(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // released meanwhile
  }
}

/**
 * @param {string} file
 * @param {Named | undefined} stale
 */
function removeStale(file, stale) {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch {
    return; // someone else was quicker
  }
  const moved = readHolder(aside);
  try {
    // Between our look and our rename another process may have taken the lock over: give it back.
    if (moved && JSON.stringify(moved) !== JSON.stringify(stale)) linkSync(aside, file);
  } finally {
    rmSync(aside, { force: true });
  }
}
