import type { TopicSpec } from '#contracts';
import type { LogRecord } from '../kafka/visible-records.js';
import type { LogEnds } from './log-tail.js';

/** A topic as a person looks at it. */
export interface ShownTopic {
  readonly topic: string;
  readonly summary: string;
  readonly partitions: readonly { readonly partition: number; readonly start: string; readonly end: string }[];
}

/** A record as a person looks at it. */
export interface ShownRecord {
  readonly partition: number;
  readonly offset: string;
  readonly key?: string;
  /** The JSON value, as it stands there. */
  readonly record: object;
}

/**
 * Topics with the ends of their partitions: the first offset that is kept, and the next after the last record.
 *
 * @throws when the brokers do not answer
 */
export async function showTopics(ends: LogEnds, topics: readonly TopicSpec[]): Promise<readonly ShownTopic[]> {
  const sources = topics.map(({ name, partitions }) => ({ topic: name, partitions }));
  const [first, next] = await Promise.all([ends.startsOf(sources), ends.endsOf(sources)]);
  return topics.map(({ name, summary }) => ({
    topic: name,
    summary,
    partitions: (next.get(name) ?? []).map((end, partition) => ({
      partition,
      start: String(first.get(name)?.[partition] ?? 0n),
      end: String(end),
    })),
  }));
}

/** A record of ours decoded. */
export function showRecord({ partition, offset, key, value }: LogRecord): ShownRecord {
  const record = JSON.parse(value.toString('utf8')) as object;
  return { partition, offset: String(offset), ...(key === undefined ? {} : { key }), record };
}
