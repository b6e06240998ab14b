import { randomUUID } from 'node:crypto';
import {
  type ActivityRecord,
  activityTopic,
  checkActivity,
  encodeActivity,
  isId,
  partitionOf,
  PARTITIONS,
  type Position,
} from '#contracts';
import type { ActivityMeta } from '../append/activity-appender.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { type Appended, NotAppended } from '../kafka/append-lane.js';
import { OrderedAppender } from '../kafka/ordered-appender.js';
import { type SpoolEntry, SpoolFile } from './spool-file.js';

/** How facts enter the log that may wait on the disk while it is away. */
export interface SpooledActivityPort {
  /**
   * Resolves when all in-sync replicas have the record, or this process's disk has it and will bring it there.
   *
   * @returns without a position while the log does not have it
   * @throws NotAppended when neither has it: what depends on it must not leave
   */
  append(record: ActivityRecord, meta: ActivityMeta): Promise<{ readonly id: string; readonly position?: Position }>;
}

export interface SpoolOptions {
  /** For this process alone. */
  readonly folder: string;
  readonly maxBytes: number;
  /** How long a record is waited for before it goes to the disk, in milliseconds. */
  readonly patienceMs?: number;
  /** The spool cannot be used, or the log will never take what it holds. */
  readonly onFailure: (error: unknown) => void;
}

/** A record that the log has not acknowledged. */
interface Pending {
  readonly entry: SpoolEntry;
  /** On its way to the disk, or there. */
  spooled?: Promise<void>;
  /** Settles when the log has it, or will not. */
  sent?: Promise<Appended | undefined>;
}

const PATIENCE_MS = 250;
const CLOSE_WITHIN_MS = 4_000;

/**
 * Numbers records, in a run of its own, and appends them; what the log does not acknowledge soon is put on the disk, and stays
 * in line for the log all the same, behind what came before and before what comes after. So the order and the numbers
 * are those of the log whether the disk was needed or not, and no record is made twice: what a process left on the disk
 * the next one appends first, with the id, run and number that it had. If it was in the log already, it is a repeat that
 * readers know by these.
 */
export class SpooledActivity implements SpooledActivityPort {
  readonly #appender: OrderedAppender;
  readonly #topic: string;
  readonly #pending = Array.from({ length: PARTITIONS }, (): Pending[] => []);
  readonly #opened = Promise.withResolvers<SpoolFile>();
  #run = randomUUID();
  #numbers = new Array<number>(PARTITIONS).fill(0);
  /** On the disk or on their way there, and not in the log. */
  #waiting = 0;
  #bytes = () => 0;
  #closing = false;

  constructor(
    settings: LogSettings,
    private readonly options: SpoolOptions,
  ) {
    settings.onTopic?.('sends', activityTopic.name);
    this.#topic = settings.prefix + activityTopic.name;
    // Nothing is ever given up: it is on the disk, or nobody was told that it is recorded.
    this.#appender = new OrderedAppender(settings, { deadlineMs: Infinity, closeWithinMs: 0 });
    this.#opened.promise.catch(() => undefined); // told to each append, and by onFailure
  }

  /** What waits on the disk for the log. */
  get waiting(): { readonly records: number; readonly bytes: number } {
    return { records: this.#waiting, bytes: this.#bytes() };
  }

  /** Opens the folder, and brings what is left there into the log before anything else. */
  async start(): Promise<void> {
    try {
      const { folder, maxBytes } = this.options;
      const { spool, left } = await SpoolFile.open(folder, maxBytes);
      this.#bytes = () => spool.size;
      for (const entry of left) {
        this.#waiting++;
        void this.#send({ entry, spooled: Promise.resolve() }, spool);
      }
      this.#opened.resolve(spool);
    } catch (error) {
      this.#opened.reject(new NotAppended('the spool cannot be used', { cause: error }));
      this.options.onFailure(error);
    }
  }

  async append(record: ActivityRecord, meta: ActivityMeta): Promise<{ id: string; position?: Position }> {
    checkActivity(record);
    const spool = await this.#opened.promise;
    if (this.#closing) throw new NotAppended('this process stops');
    const partition = isId(meta.subject) ? partitionOf(meta.subject) : 0;
    const id = randomUUID();
    const pending: Pending = { entry: this.#numbered(record, meta, id, partition) };
    const sent = this.#send(pending, spool);
    const first = await Promise.race([sent, this.#patience(partition, pending)]);
    const appended = first ?? (await Promise.race([sent, this.#spool(pending, spool)]));
    return appended ? { id, position: { topic: activityTopic.name, partition, offset: appended.offset } } : { id };
  }

  /** Puts on the disk what the log has not acknowledged in a while, and ends. */
  async close(): Promise<void> {
    this.#closing = true;
    const spool = await this.#opened.promise.catch(() => undefined);
    const under = this.#pending.flat().flatMap(({ sent }) => (sent ? [sent] : []));
    const inTime = new Promise((resolve) => setTimeout(resolve, CLOSE_WITHIN_MS).unref());
    await Promise.race([Promise.allSettled(under), inTime]);
    const last = this.#pending.flatMap((lane) => lane.slice(-1));
    if (spool) await Promise.allSettled(last.map(async (each) => await this.#spool(each, spool)));
    await this.#appender.close();
    await spool?.close();
  }

  /** Sends a record; rejects when neither the log nor the disk has it, or will have. */
  #send(pending: Pending, spool: SpoolFile): Promise<Appended | undefined> {
    const { partition, key, value } = pending.entry;
    const lane = this.#pending[partition] ?? [];
    lane.push(pending);
    const left = () => void lane.splice(lane.indexOf(pending), 1);
    const taken = this.#appender.append(this.#topic, partition, { key, value });
    pending.sent = taken.then(
      (appended) => {
        left();
        if (pending.spooled) void this.#unneeded(pending.spooled, spool);
        return appended;
      },
      async (error: unknown) => {
        if (!this.#closing) left();
        if (pending.spooled) {
          await pending.spooled;
          // It stays on the disk for a start at which the log takes it.
          if (!this.#closing) this.options.onFailure(error);
          return undefined;
        }
        // It has a number that the log will not see: the run ends with it.
        this.#run = randomUUID();
        this.#numbers = new Array<number>(PARTITIONS).fill(0);
        throw error;
      },
    );
    return pending.sent;
  }

  /** The log has what was put on the disk. */
  async #unneeded(spooled: Promise<void>, spool: SpoolFile): Promise<void> {
    try {
      await spooled;
      this.#waiting--;
      if (this.#waiting === 0) await spool.clear(() => this.#waiting === 0);
    } catch (error) {
      // It never got to the disk, and is in the log.
      if (!(error instanceof NotAppended)) this.options.onFailure(error);
    }
  }

  /** Where something waits on the disk already, nothing is waited for. */
  async #patience(partition: number, pending: Pending): Promise<undefined> {
    const first = this.#pending[partition]?.[0];
    if (first !== pending && first?.spooled) return;
    await new Promise<void>((resolve) => setTimeout(resolve, this.options.patienceMs ?? PATIENCE_MS).unref());
  }

  /** Puts a record on the disk, and those before it: on the disk too there is no gap in a run. */
  async #spool(pending: Pending, spool: SpoolFile): Promise<Appended | undefined> {
    const lane = this.#pending[pending.entry.partition] ?? [];
    // The log has it, or said that it will not take it.
    if (!lane.includes(pending) && !pending.spooled) return await pending.sent;
    const unwritten = lane.slice(0, lane.indexOf(pending) + 1).filter((it) => !it.spooled);
    if (unwritten.length > 0) {
      this.#waiting += unwritten.length;
      const written = spool.write(unwritten.map(({ entry }) => entry)).catch((cause: unknown) => {
        this.#waiting -= unwritten.length;
        for (const each of unwritten) delete each.spooled;
        throw new NotAppended('the log does not take the record, and the spool neither', { cause });
      });
      for (const each of unwritten) each.spooled = written;
    }
    await pending.spooled;
    return undefined;
  }

  /** Takes the next number of the run in the partition. */
  #numbered(
    record: ActivityRecord,
    { subject, actor, correlationId, causationId = correlationId }: ActivityMeta,
    id: string,
    partition: number,
  ): SpoolEntry {
    const sequence = this.#numbers[partition] ?? 0;
    this.#numbers[partition] = sequence + 1;
    const time = new Date().toISOString();
    const meta = { id, subject, time, actor, correlationId, causationId, run: this.#run, sequence };
    return { partition, key: subject, value: encodeActivity(record, meta) };
  }
}
