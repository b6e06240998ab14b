import { activityNumber, activityTopic, type RunNumber, type TopicSpec } from '#contracts';
import type { RecordSource } from '#event-log';
import { recordLeaf } from '#proofs';

/** A record as a tree takes it. */
export interface Leaf {
  readonly hash: Buffer;
  /** The record's number, where its writer numbers what it wrote (design.md, Audit). */
  readonly number?: RunNumber;
}

/** Every record of a topic as a leaf. */
export function leavesOf({ name, partitions }: TopicSpec): RecordSource<Leaf> {
  return {
    topic: name,
    partitions,
    decode(value, { partition, offset, rawKey }) {
      const hash = recordLeaf({ topic: name, partition, offset: String(offset), key: rawKey, value });
      return name === activityTopic.name ? { hash, number: activityNumber(value) } : { hash };
    },
  };
}
