import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts processor time in these (proc(5), /proc/pid/stat). */
const TICK_MICROS = 10_000;
/** How the servers' processes are called that `npm run bench` starts beside this one. */
const SERVERS = { java: 'the broker', postgres: 'Postgres' } as const;

interface Running {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  /** Its own and that of children that have ended, in microseconds. */
  readonly micros: number;
}

/** Processor time by server so far, in microseconds; empty where they are not ours, or the system does not tell. */
export function serversProcessorTime(): ReadonlyMap<string, number> {
  const running = processes();
  const sums = new Map<string, number>();
  for (const { pid, name, parent, micros } of running) {
    if (parent !== process.ppid || !(name in SERVERS)) continue;
    const children = running.filter((each) => each.parent === pid).reduce((sum, each) => sum + each.micros, 0);
    sums.set(SERVERS[name as keyof typeof SERVERS], micros + children);
  }
  return sums;
}

/** What the servers took between two moments, for each of `count` operations, in words. */
export function serversTook(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  count: number,
): string {
  const each = [...after].map(
    ([name, micros]) => `${((micros - (before.get(name) ?? 0)) / count).toFixed(0)} of ${name}`,
  );
  return each.length === 0 ? 'of the servers not known' : each.join(', ');
}

function processes(): Running[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [runningOf(Number(name), readFileSync(`/proc/${name}/stat`, 'latin1'))];
      } catch {
        return []; // it has ended meanwhile
      }
    });
}

function runningOf(pid: number, stat: string): Running {
  const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
  return { pid, name, parent: Number(fields[1]), micros: ticks * TICK_MICROS };
}
