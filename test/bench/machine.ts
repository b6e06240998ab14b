import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Linux counts processor time in these (proc(5), /proc/pid/stat), in milliseconds. */
const TICK_MS = 10;

/** The fields of /proc/pid/stat behind the name, from the state on; undefined when the process is gone. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return undefined;
    throw error;
  }
}

/** User and system time of some processes so far, in milliseconds. Those that are gone count no more. */
export function processorMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const [user, system] = statOf(pid)?.slice(11, 13) ?? [];
    return sum + (Number(user ?? 0) + Number(system ?? 0)) * TICK_MS;
  }, 0);
}

/** How long threads of some processes stood ready and had no core so far, in milliseconds (Linux, /proc/pid/task/tid/schedstat). */
export function waitedForCoreMs(pids: readonly number[]): number {
  const nanoseconds = pids.flatMap(threadsOf).map((thread) => Number(readFileSync(thread, 'latin1').split(' ')[1]));
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}

function threadsOf(pid: number): string[] {
  if (statOf(pid) === undefined) return [];
  return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/schedstat`);
}

/** A process and its children: Postgres has one for each connection. */
export function withChildren(pids: readonly number[]): readonly number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pids.includes(Number(statOf(pid)?.[1] ?? 0)));
  return [...pids, ...children];
}

/**
 * What a process holds in memory, in megabytes of 10^6 bytes; what is its own is not mapped from a file, as its program is. Its
 * share (PSS) divides what several processes hold together, as services on one machine hold Node's program.
 */
export function residentMegabytes(pid: number): { readonly all: number; readonly own: number; readonly share: number } {
  const said = ['status', 'smaps_rollup'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1')).join('\n');
  const [all = 0, own = 0, share = 0] = ['VmRSS', 'RssAnon', 'Pss'].map(
    (field) => (Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(said)?.[1] ?? 0) * 1_024) / 1e6,
  );
  return { all, own, share };
}

/**
 * Puts processes, with all their threads, on one core.
 *
 * @returns whether they are there: without `taskset`, or with one core, all share what there is
 */
export function pin(pids: readonly number[], core: number): boolean {
  if (core >= cpus().length) return false;
  return pids.every((pid) => spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)]).status === 0);
}
