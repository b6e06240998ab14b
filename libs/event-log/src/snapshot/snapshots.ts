import { randomUUID } from 'node:crypto';
import { setImmediate as others } from 'node:timers/promises';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import type { LogSettings } from '../kafka/log-connection.js';
import { heldByLog } from './held-by-log.js';
import { readHead, type SnapshotHead, writeHead } from './snapshot-head.js';
import { type Pace, snapshotPace } from './snapshot-pace.js';
import { SnapshotSeal, SnapshotUnusable } from './snapshot-seal.js';
import type { SnapshotKey, SnapshotStore, StoredSnapshot } from './snapshot-store.js';

/** What a fold gives to be kept. */
export interface SnapshotContent extends SnapshotHead {
  /** JSON values, one for each thing that was folded. They are taken while the fold goes on, so they never change. */
  readonly items: Iterable<unknown>;
}

/** A part is serialised, sealed and written in one go: large enough to be cheap, small enough to hold nobody up. */
const PART_CHARACTERS = 256 * 1_024;
/** How long a start waits for the store, and for each of its answers, before it reads the log instead. */
const PATIENCE_MS = 5_000;
const LOAD_TRIES = 3;

/**
 * The snapshots of a process: what was folded from the log, kept so that a restart need not read all of it again. Never
 * needed for correctness: whatever is wrong with one, it is as if there were none.
 */
export class Snapshots {
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param macKey 32 bytes that only instances of this system know, or who fetches them when they are needed
   * @param pace   when a fold is worth a new snapshot
   */
  constructor(
    private readonly settings: LogSettings,
    private readonly store: SnapshotStore,
    private readonly macKey: Buffer | (() => Promise<Buffer>),
    readonly pace: Pace = snapshotPace,
    private readonly isOfTheLog = (head: SnapshotHead): Promise<boolean> => heldByLog(settings, head),
  ) {}

  /**
   * Writes what `capture` gives when its turn comes (a process writes one snapshot at a time), unless the store has one
   * that is as far. When `signal` aborts, the earlier one stays.
   *
   * @returns whether it was written
   */
  async save(key: SnapshotKey, capture: () => SnapshotContent, signal: AbortSignal): Promise<boolean> {
    const stored = this.#here(key);
    const saved = this.#turn.then(async () => {
      try {
        return await this.#save(stored, capture, signal);
      } catch (error) {
        if (!signal.aborted) this.#say(stored, error, 'a snapshot was not written');
        return false;
      }
    });
    this.#turn = saved;
    return await saved;
  }

  /**
   * Hands every item of the key's snapshot to `take`, if there is a usable one: sealed by this system, and a prefix of
   * the log as it is now.
   *
   * @param begin called before the first item, and once more when the snapshot was replaced while it was read
   * @returns where to go on, and how to take it away when it turns out wrong after all; undefined when there is none to
   *   use: forget what was taken, and read the log from its beginning
   */
  async load(
    key: SnapshotKey,
    begin: () => void,
    take: (item: unknown) => void,
  ): Promise<(SnapshotHead & { readonly discard: (reason: unknown) => Promise<void> }) | undefined> {
    const stored = this.#here(key);
    try {
      await inTime(this.store.ready());
      for (let attempt = 1; attempt <= LOAD_TRIES; attempt++) {
        const found = await inTime(this.store.load(stored));
        if (!found) return undefined;
        const discard = (reason: unknown): Promise<void> => this.#discard(stored, found, reason);
        begin();
        try {
          const seal = await inTime(this.#seal(stored, found.id));
          const head = readHead(seal.open('head', found.head).toString());
          if (!(await this.isOfTheLog(head))) throw new SnapshotUnusable('it is not of this log');
          if (await this.#takeParts(found, seal, take)) return { ...head, discard };
        } catch (error) {
          if (!(error instanceof SnapshotUnusable)) throw error;
          await discard(error);
          return undefined;
        }
      }
    } catch (error) {
      this.#say(stored, error, 'the snapshots cannot be read now: reading the log from its beginning');
    }
    return undefined;
  }

  /** @returns false when another snapshot took its place meanwhile */
  async #takeParts(found: StoredSnapshot, seal: SnapshotSeal, take: (item: unknown) => void): Promise<boolean> {
    for (let number = 0; ; number++) {
      const sealed = await inTime(this.store.part(found.id, number));
      if (!sealed) return false;
      // Sound: the seal says that `partsOf` below wrote it.
      const text = (await unpack(seal.open(number, sealed))).toString();
      const [last, ...items] = JSON.parse(text) as [boolean, ...unknown[]];
      items.forEach(take);
      if (last) return true;
    }
  }

  async #save(key: SnapshotKey, capture: () => SnapshotContent, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const id = randomUUID();
    const seal = await this.#seal(key, id);
    const content = capture();
    const snapshot = {
      id,
      reached: content.reached.toSorted(byPlace).map(({ offset }) => offset),
      head: seal.seal('head', Buffer.from(writeHead(content))),
    };
    return await this.store.save(key, snapshot, partsOf(content.items, seal, signal));
  }

  async #seal(key: SnapshotKey, id: string): Promise<SnapshotSeal> {
    const { macKey } = this;
    return new SnapshotSeal(Buffer.isBuffer(macKey) ? macKey : await macKey(), key, id);
  }

  async #discard(key: SnapshotKey, { id }: StoredSnapshot, reason: unknown): Promise<void> {
    this.#say(key, reason, 'a snapshot is not used: reading the log from its beginning');
    try {
      await inTime(this.store.discard(id));
    } catch (error) {
      this.#say(key, error, 'an unusable snapshot could not be taken away');
    }
  }

  #say({ name, partition, version }: SnapshotKey, error: unknown, message: string): void {
    this.settings.sink.warn({ err: error, snapshot: name, partition, version }, message);
  }

  #here(key: SnapshotKey): SnapshotKey {
    return { ...key, name: this.settings.prefix + key.name };
  }
}

/** Each part is a JSON array: whether it is the last, then items. Others get their turn between two parts. */
async function* partsOf(items: Iterable<unknown>, seal: SnapshotSeal, signal: AbortSignal): AsyncGenerator<Buffer> {
  let number = 0;
  let texts: string[] = [];
  let characters = 0;
  for (const item of items) {
    const text = JSON.stringify(item);
    texts.push(text);
    characters += text.length;
    if (characters < PART_CHARACTERS) continue;
    yield seal.seal(number++, await packed(`[false,${texts.join(',')}]`));
    await others();
    signal.throwIfAborted();
    texts = [];
    characters = 0;
  }
  yield seal.seal(number, await packed(`[${['true', ...texts].join(',')}]`));
}

/** Packing takes place on another thread; what is folded repeats itself, so a tenth of it goes to the store and back. */
const pack = promisify(zstdCompress);
const unpack = promisify(zstdDecompress);

function packed(text: string): Promise<Buffer> {
  return pack(Buffer.from(text), {});
}

function byPlace(
  a: { readonly topic: string; readonly partition: number },
  b: { readonly topic: string; readonly partition: number },
): number {
  return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1;
}

class StoreTooSlow extends Error {
  override readonly name = 'StoreTooSlow';
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new StoreTooSlow(`no answer in ${PATIENCE_MS} ms`)), PATIENCE_MS);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
