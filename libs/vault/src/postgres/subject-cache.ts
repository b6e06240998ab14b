import type { Subject } from '../vault.js';

const mostEntries = 20_000;
/** How long an entry is believed, in milliseconds: an erasure on another instance is seen after it at the latest. */
const life = 60_000 * 10;

interface Entry {
  readonly id: string;
  readonly profile: string;
  readonly until: number;
}

/** Ids of the persons who called lately, so that a call costs no read. The oldest entry makes room. */
export class SubjectCache {
  private readonly entries = new Map<string, Entry>();
  /** Who was forgotten lately: whoever read their id before would bring it back. */
  private readonly forgotten = new Set<string>();

  /** The id, if this person was seen lately with the same profile or the call brings none. */
  idOf(person: Subject): string | undefined {
    const entry = this.entries.get(keyOf(person));
    if (entry === undefined || entry.until < performance.now()) return undefined;
    const bringsNone = person.name === undefined && person.email === undefined;
    return bringsNone || profileOf(person) === entry.profile ? entry.id : undefined;
  }

  /** Keeps the id, unless it was forgotten since it was read. */
  put(person: Subject, id: string): void {
    if (this.forgotten.has(id)) return;
    makeRoom(this.entries);
    this.entries.delete(keyOf(person));
    this.entries.set(keyOf(person), { id, profile: profileOf(person), until: performance.now() + life });
  }

  forget(id: string): void {
    makeRoom(this.forgotten);
    this.forgotten.add(id);
    for (const [key, entry] of this.entries) if (entry.id === id) this.entries.delete(key);
  }
}

/** Drops the oldest, once there are as many as are kept. */
function makeRoom(kept: Map<string, unknown> | Set<string>): void {
  const oldest = kept.keys().next();
  if (kept.size >= mostEntries && oldest.done !== true) kept.delete(oldest.value);
}

function keyOf({ issuer, subject }: Subject): string {
  return JSON.stringify([issuer, subject]);
}

function profileOf({ name, email }: Subject): string {
  return JSON.stringify([name ?? null, email ?? null]);
}
