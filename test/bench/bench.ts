import { cpus, totalmem } from 'node:os';
import type { LogSettings } from '#event-log';
import type { Isolation } from '../environment/isolation.js';

/** What a part of the bench has to itself: topics under a prefix of its own, and an empty database. */
export interface Bench extends Isolation {
  readonly settings: LogSettings;
  /** The processes of the broker and of Postgres; none where the bench was given servers of others. */
  readonly servers: { readonly broker: readonly number[]; readonly postgres: readonly number[] };
  /** One line of the result. */
  readonly print: (line: string) => void;
}

/** A part of the bench stands in `parts/<name>.ts` and exports itself as `part`; `npm run bench -- <name>` runs it. */
export interface BenchPart {
  /** What is measured, in one sentence: printed above its figures. */
  readonly title: string;
  run(bench: Bench): Promise<void>;
}

/** The machine and the versions that figures were measured on. */
export function machine(): string {
  const cores = cpus();
  return `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}; everything on the same machine`;
}

/** The median, and in brackets the least and the most. */
export function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const show = (value: number | undefined): string => (value === undefined ? '?' : value.toFixed(value < 100 ? 1 : 0));
  return `${show(sorted[Math.floor(sorted.length / 2)])} (${show(sorted[0])} to ${show(sorted.at(-1))})`;
}

/** For callbacks that must not be called. */
export function fail(error: unknown): never {
  throw error;
}
