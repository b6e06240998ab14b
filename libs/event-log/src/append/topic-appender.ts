import type { Position, TopicSpec } from '#contracts';
import type { LogSettings } from '../kafka/log-connection.js';
import { OrderedAppender } from '../kafka/ordered-appender.js';

/** How what was derived from the log enters a topic of its own, for readers outside. */
export interface TopicAppendPort {
  /**
   * Resolves when all in-sync replicas have the record. A repeat is the caller's to tell: it gives the same value again.
   *
   * @throws NotAppended, AppendUnresolved when it is not known to be there
   */
  append(partition: number, record: { readonly key: string; readonly value: string }): Promise<Position>;
}

const DEADLINE_MS = 4_000;

/** Appends to one topic, without transactions: many who read it from outside see uncommitted records (design.md, Audit). */
export class TopicAppender implements TopicAppendPort {
  readonly #appender: OrderedAppender;

  constructor(
    private readonly settings: LogSettings,
    private readonly topic: Pick<TopicSpec, 'name'>,
  ) {
    settings.onTopic?.('sends', topic.name);
    this.#appender = new OrderedAppender(settings, { deadlineMs: DEADLINE_MS });
  }

  async append(partition: number, record: { readonly key: string; readonly value: string }): Promise<Position> {
    const { offset } = await this.#appender.append(this.settings.prefix + this.topic.name, partition, record);
    return { topic: this.topic.name, partition, offset };
  }

  async close(): Promise<void> {
    await this.#appender.close();
  }
}
