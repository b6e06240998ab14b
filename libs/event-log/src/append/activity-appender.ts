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
import type { LogSettings } from '../kafka/log-connection.js';
import { OrderedAppender } from '../kafka/ordered-appender.js';
import { unauthenticRecords } from '../meter/log-meter.js';

/** Who and what a record is about. */
export interface ActivityMeta {
  /** The application's id, or `UNKNOWN_APPLICATION`. */
  readonly subject: string;
  /** A random id that the vault maps, or `client:<clientId>`. */
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId?: string;
}

/** How facts of high volume enter the log. */
export interface ActivityPort {
  /**
   * Resolves when all in-sync replicas have the record.
   *
   * @throws NotAppended, AppendUnresolved when it is not known to be there: what depends on it must not leave
   */
  append(record: ActivityRecord, meta: ActivityMeta): Promise<{ readonly id: string; readonly position: Position }>;
}

const DEADLINE_MS = 4_000;

/**
 * Numbers the records of this process and appends them. A number belongs to (run, partition) and counts from 0 by 1, so
 * that a repeat carries a number that was seen, and a gap inside a run is a loss. A record that is given up ends the
 * run: the next one starts another.
 */
export class ActivityAppender implements ActivityPort {
  readonly #appender: OrderedAppender;
  readonly #topic: string;
  #run = randomUUID();
  #numbers = new Array<number>(PARTITIONS).fill(0);

  constructor(private readonly settings: LogSettings) {
    settings.onTopic?.('sends', activityTopic.name);
    this.#topic = settings.prefix + activityTopic.name;
    this.#appender = new OrderedAppender(settings, { deadlineMs: DEADLINE_MS });
  }

  async append(record: ActivityRecord, meta: ActivityMeta): Promise<{ id: string; position: Position }> {
    checkActivity(record);
    const unauthentic = unauthenticRecords.find((type) => type === record.type);
    // Whether it gets on record or not.
    if (unauthentic !== undefined) this.settings.meter?.unauthentic(unauthentic);
    const from = performance.now();
    const ended = (isAcknowledged: boolean): void =>
      this.settings.meter?.activityEnded(isAcknowledged, (performance.now() - from) / 1_000);
    const partition = isId(meta.subject) ? partitionOf(meta.subject) : 0;
    const id = randomUUID();
    const time = new Date().toISOString();
    let run: string | undefined;
    try {
      const { offset } = await this.#appender.append(this.#topic, partition, () => {
        run = this.#run;
        return { key: meta.subject, value: this.#numbered(record, meta, { id, time, run, partition }) };
      });
      ended(true);
      return { id, position: { topic: activityTopic.name, partition, offset } };
    } catch (error) {
      ended(false);
      if (this.#run === run) {
        this.#run = randomUUID();
        this.#numbers = new Array<number>(PARTITIONS).fill(0);
      }
      throw error;
    }
  }

  /** Takes the next number of the run in the partition; called in the order in which records go into the log. */
  #numbered(
    record: ActivityRecord,
    { subject, actor, correlationId, causationId = correlationId }: ActivityMeta,
    { id, time, run, partition }: { id: string; time: string; run: string; partition: number },
  ): string {
    const sequence = this.#numbers[partition] ?? 0;
    this.#numbers[partition] = sequence + 1;
    return encodeActivity(record, { id, subject, time, actor, correlationId, causationId, run, sequence });
  }

  async close(): Promise<void> {
    await this.#appender.close();
  }
}
