import { ACCESS_FOLD_VERSION, type AccessEvent, type AccessFold, type FoldedApplication } from '#access';
import { approval, bodyDigest, type MessageMap, registration, token } from '#contracts';
import {
  type Entry,
  type NextOffsets,
  type RecordSource,
  type SnapshotContent,
  SnapshotKeeper,
  type Snapshots,
  type Witness,
} from '#event-log';

const KEY = { name: 'gatehouse.access', partition: 0, version: ACCESS_FOLD_VERSION };

/** A point that stops leaves a snapshot if that takes no longer; the next start reads what it lacks. */
const LAST_SNAPSHOT_MS = 1_000;

/** The fold of all partitions is larger than that of one, and every point may write it: it is written as much more rarely. */
const TIMES_RARER = 10;

/**
 * What this release can read. An application is closed for an event that a release could not read; one that can must not
 * go on from there.
 */
const READS = bodyDigest([registration, approval, token].map(({ context, events }) => [context, versionsOf(events)]));

function versionsOf(events: MessageMap): [string, number][] {
  return Object.entries(events).map(([name, { version }]) => [name, version]);
}

/** The snapshots of effective access. */
export class AccessSnapshots {
  readonly #keeper: SnapshotKeeper;
  /** The last event of each partition, by place. */
  readonly #last = new Map<string, Witness>();

  constructor(
    private readonly snapshots: Snapshots,
    private readonly sources: readonly RecordSource<AccessEvent>[],
    private readonly access: AccessFold,
    private readonly next: () => NextOffsets,
  ) {
    const { records, restMs, fewRecords, idleMs } = snapshots.pace;
    this.#keeper = new SnapshotKeeper(snapshots, KEY, () => this.#content(), {
      records: records * TIMES_RARER,
      restMs: restMs * TIMES_RARER,
      fewRecords: fewRecords * TIMES_RARER,
      idleMs: idleMs * TIMES_RARER,
    });
  }

  /** Fills the fold from a snapshot; gives where to go on, or undefined, with the fold empty, when there is none to use. */
  async load(): Promise<NextOffsets | undefined> {
    const loaded = await this.snapshots.load(
      KEY,
      () => this.access.forget(),
      // Sound: the seal says that `items` of the same version gave it.
      (item) => this.access.take(item as FoldedApplication),
    );
    if (loaded?.facts['reads'] !== READS) {
      this.access.forget();
      await loaded?.discard('it was folded by a release that reads other events');
      return undefined;
    }
    for (const witness of loaded.witnesses) this.#last.set(placeOf(witness), witness);
    return new Map(
      this.sources.map(({ topic, partitions }) => [
        topic,
        Array.from(
          { length: partitions },
          (_, partition) =>
            loaded.reached.find((place) => place.topic === topic && place.partition === partition)?.offset ?? 0n,
        ),
      ]),
    );
  }

  /** Entries of one partition are in force now. */
  applied(entries: readonly Entry<AccessEvent>[]): void {
    const last = entries.at(-1);
    if (!last) return;
    this.#last.set(placeOf(last.position), { ...last.position, id: last.event.meta.id });
    this.#keeper.moved(entries.length);
  }

  async close(): Promise<void> {
    await this.#keeper.close(AbortSignal.timeout(LAST_SNAPSHOT_MS));
  }

  #content(): SnapshotContent {
    return {
      reached: [...this.next()].flatMap(([topic, offsets]) =>
        offsets.map((offset, partition) => ({ topic, partition, offset })),
      ),
      witnesses: [...this.#last.values()],
      facts: { reads: READS },
      items: this.access.items(),
    };
  }
}

function placeOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}:${partition}`;
}
