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

  /** The id, if this person was seen lately with the same profile or the call brings none. */
  idOf(person: Subject): string | undefined {
    const entry = this.entries.get(keyOf(person));
    if (entry === undefined || entry.until < performance.now()) return undefined;
    const profile = profileOf(person);
    return profile === '[null,null]' || profile === entry.profile ? entry.id : undefined;
  }

  put(person: Subject, id: string): void {
    const oldest = this.entries.keys().next();
    if (this.entries.size >= mostEntries && oldest.done !== true) this.entries.delete(oldest.value);
    this.entries.delete(keyOf(person));
    this.entries.set(keyOf(person), { id, profile: profileOf(person), until: performance.now() + life });
  }

  forget(id: string): void {
    for (const [key, entry] of this.entries) if (entry.id === id) this.entries.delete(key);
  }
}

function keyOf({ issuer, subject }: Subject): string {
  return JSON.stringify([issuer, subject]);
}

function profileOf({ name, email }: Subject): string {
  return JSON.stringify([name ?? null, email ?? null]);
}
