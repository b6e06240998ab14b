/** What a snapshot is of: one row in the store. Another version is another row, and never read. */
export interface SnapshotKey {
  /** Prefix of the topics included, so that two systems on one database keep apart. */
  readonly name: string;
  readonly partition: number;
  readonly version: number;
}

/** A snapshot's beginning, sealed; its parts are asked for one by one. */
export interface StoredSnapshot {
  /** A random UUID: the parts that belong to this beginning. */
  readonly id: string;
  /** Next offsets in one order for all snapshots of a key: what a later one may not fall behind. */
  readonly reached: readonly bigint[];
  readonly head: Buffer;
}

/**
 * Where snapshots are kept: any place that may lose them. It is not believed: every byte that comes back is checked
 * against its seal. Each method throws while the place is away.
 */
export interface SnapshotStore {
  /** Resolves when it can be asked. */
  ready(): Promise<void>;
  load(key: SnapshotKey): Promise<StoredSnapshot | undefined>;
  /** One part of a snapshot, from 0; undefined when another snapshot has taken its place. */
  part(id: string, number: number): Promise<Buffer | undefined>;
  /**
   * Puts a snapshot in the place of an earlier one, whole or not at all; `parts` are taken one at a time.
   *
   * @returns false, and nothing is changed, when one stands there that is as far, or further in any offset
   */
  save(key: SnapshotKey, snapshot: StoredSnapshot, parts: AsyncIterable<Buffer>): Promise<boolean>;
  /** Takes a snapshot away that turned out to be unusable; one that has taken its place stays. */
  discard(id: string): Promise<void>;
}
