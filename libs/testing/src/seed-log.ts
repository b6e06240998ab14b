import { randomUUID } from 'node:crypto';
import {
  type ActivityRecord,
  activityTopic,
  checkActivity,
  ContextCodec,
  type ContextContract,
  encodeActivity,
  type EventOf,
  isId,
  partitionOf,
  type Position,
  topicsOf,
} from '#contracts';
import { type LogSettings, OrderedAppender } from '#event-log';

/** Around a seeded record: whose it is, who did it and when. */
export interface Seeded {
  readonly subject: string;
  readonly actor: string;
  readonly time: string;
  readonly id?: string;
  /** Which command caused an event; as many as the subject has events if not given. A writer goes on after the highest. */
  readonly commandOffset?: bigint;
}

/** Puts into the log what a test begins with, as the services would write it, through the contracts' codecs. */
export class LogSeed {
  readonly #appender: OrderedAppender;
  readonly #versions = new Map<string, number>();

  constructor(private readonly settings: LogSettings) {
    this.#appender = new OrderedAppender(settings, { deadlineMs: 60_000 });
  }

  /** Appends an event; versions count from 1 for each subject of a context. */
  async event<C extends ContextContract>(contract: C, event: EventOf<C>, seeded: Seeded): Promise<Position> {
    const counted = `${contract.context}:${seeded.subject}`;
    const version = (this.#versions.get(counted) ?? 0) + 1;
    this.#versions.set(counted, version);
    const value = new ContextCodec(contract).encodeEvent(event, {
      id: randomUUID(),
      commandOffset: BigInt(version),
      ...seeded,
      correlationId: 'seed',
      causationId: 'seed',
      version,
    });
    return await this.#append(topicsOf(contract).events.name, seeded.subject, value);
  }

  /** Appends an activity record under a number of a run. */
  async activity(
    record: ActivityRecord,
    seeded: Seeded & { readonly run: string; readonly sequence: number },
  ): Promise<Position> {
    checkActivity(record);
    const value = encodeActivity(record, { id: randomUUID(), ...seeded, correlationId: 'seed', causationId: 'seed' });
    return await this.#append(activityTopic.name, seeded.subject, value);
  }

  async close(): Promise<void> {
    await this.#appender.close();
  }

  async #append(topic: string, subject: string, value: string): Promise<Position> {
    const partition = isId(subject) ? partitionOf(subject) : 0;
    const { offset } = await this.#appender.append(this.settings.prefix + topic, partition, { key: subject, value });
    return { topic, partition, offset };
  }
}
