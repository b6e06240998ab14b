import type { SnapshotKey, SnapshotStore, StoredSnapshot } from '#event-log';

/** For tests: a place for snapshots that ends with the test, and that lets it look at, change and lose what is kept. */
export class MemorySnapshots implements SnapshotStore {
  readonly heads = new Map<string, StoredSnapshot>();
  readonly parts = new Map<string, Buffer[]>();
  /** How often a part was read. */
  partsRead = 0;

  async ready(): Promise<void> {}

  async load(key: SnapshotKey): Promise<StoredSnapshot | undefined> {
    return this.heads.get(nameOf(key));
  }

  async part(id: string, number: number): Promise<Buffer | undefined> {
    this.partsRead++;
    return this.parts.get(id)?.[number];
  }

  async save(key: SnapshotKey, snapshot: StoredSnapshot, parts: AsyncIterable<Buffer>): Promise<boolean> {
    const taken: Buffer[] = [];
    for await (const part of parts) taken.push(part);
    const kept = this.heads.get(nameOf(key));
    const before = kept?.reached ?? [];
    const behind = snapshot.reached.some((offset, index) => offset < (before[index] ?? 0n));
    const further = snapshot.reached.some((offset, index) => offset > (before[index] ?? -1n));
    if (behind || !further) return false;
    if (kept) this.parts.delete(kept.id);
    this.heads.set(nameOf(key), snapshot);
    this.parts.set(snapshot.id, taken);
    return true;
  }

  async discard(id: string): Promise<void> {
    for (const [name, head] of this.heads) if (head.id === id) this.heads.delete(name);
    this.parts.delete(id);
  }
}

function nameOf({ name, partition, version }: SnapshotKey): string {
  return `${name}/${partition}/${version}`;
}
