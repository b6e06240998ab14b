import { isId } from '#contracts';
import type { ActivityEntry } from '#contracts';

/** How an application used its access on one day (UTC). */
export interface DayOfUse {
  readonly application_id: string;
  readonly day: string;
  readonly tokens: number;
  readonly allowed: number;
  readonly denied: number;
  readonly last_used_at: string | null;
}

/** When a call was last let in under a scope. */
export interface ScopeUse {
  readonly application_id: string;
  readonly scope: string;
  readonly last_used_at: string;
}

/** How often an application called in one way on one day (UTC); empty texts where there is no type, or no scope was needed. */
export interface CallsOfDay {
  readonly application_id: string;
  readonly day: string;
  readonly interaction: string;
  readonly resource_type: string;
  readonly scope: string;
  readonly calls: number;
  readonly last_used_at: string;
}

/** Adds activity up by application and day, by scope, and by what was called. Calls of nobody we know count for nobody. */
export function useIn(entries: readonly ActivityEntry[]): {
  readonly days: readonly DayOfUse[];
  readonly scopes: readonly ScopeUse[];
  readonly calls: readonly CallsOfDay[];
} {
  const days = new Map<string, DayOfUse>();
  const scopes = new Map<string, ScopeUse>();
  const calls = new Map<string, CallsOfDay>();
  for (const entry of entries) {
    const { subject, time } = entry.meta;
    if (!isId(subject)) continue;
    const day = time.slice(0, 10);
    const key = `${subject} ${day}`;
    const before = days.get(key) ?? {
      application_id: subject,
      day,
      tokens: 0,
      allowed: 0,
      denied: 0,
      last_used_at: null,
    };
    switch (entry.type) {
      case 'token-issued':
        days.set(key, { ...before, tokens: before.tokens + 1 });
        break;
      case 'access-denied':
        days.set(key, { ...before, denied: before.denied + 1 });
        break;
      case 'access-allowed': {
        days.set(key, { ...before, allowed: before.allowed + 1, last_used_at: later(before.last_used_at, time) });
        // In observe mode it was let in all the same: it shows no use of what is approved.
        if (entry.data.observed === 'denied') break;
        const { scope, interaction = '', resourceType: resource_type = '' } = entry.data;
        const way = { application_id: subject, day, interaction, resource_type, scope: scope ?? '' };
        const called = JSON.stringify(way);
        const earlier = calls.get(called);
        calls.set(called, {
          ...way,
          calls: (earlier?.calls ?? 0) + 1,
          last_used_at: later(earlier?.last_used_at ?? null, time),
        });
        if (scope === undefined) break;
        const used = `${subject} ${scope}`;
        const last_used_at = later(scopes.get(used)?.last_used_at ?? null, time);
        scopes.set(used, { application_id: subject, scope, last_used_at });
        break;
      }
      default:
        break;
    }
  }
  return { days: [...days.values()], scopes: [...scopes.values()], calls: [...calls.values()] };
}

function later(before: string | null, time: string): string {
  return before !== null && Date.parse(before) > Date.parse(time) ? before : time;
}

/** A run's next number in each partition, under `runKey`. */
export type NextNumbers = ReadonlyMap<string, number>;

export function runKey(run: string, partition: number): string {
  return `${partition} ${run}`;
}

/**
 * What was not counted before. Numbers in a run and partition count up by one, and a record that is resent keeps its
 * number and comes before any later one: a number below the next is a repeat (design.md, Audit that can prove itself).
 */
export function withoutRepeats(
  entries: readonly { readonly partition: number; readonly entry: ActivityEntry }[],
  next: NextNumbers,
): { readonly fresh: readonly ActivityEntry[]; readonly next: NextNumbers } {
  const numbers = new Map(next);
  const fresh: ActivityEntry[] = [];
  for (const { entry, partition } of entries) {
    const key = runKey(entry.meta.run, partition);
    if (entry.meta.sequence < (numbers.get(key) ?? 0)) continue;
    numbers.set(key, entry.meta.sequence + 1);
    fresh.push(entry);
  }
  return { fresh, next: numbers };
}
