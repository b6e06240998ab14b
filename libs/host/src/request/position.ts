import { malformed } from '../problem/problem-exception.js';

/** A place in the log: after the record at `offset` of a topic's partition has been read. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  /** Kafka offsets exceed what a number holds, so they stay text. */
  readonly offset: string;
}

const form = /^([\w.-]{1,249}):(\d{1,9}):(\d{1,19})$/;
const mostPositions = 16;

/** `<topic>:<partition>:<offset>`. */
export function formatPosition({ topic, partition, offset }: Position): string {
  return `${topic}:${partition}:${offset}`;
}

/** Reads positions separated by commas, at most 16. Throws a 400 problem. */
export function parsePositions(text: string): readonly Position[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length > mostPositions) throw malformed(`Gatehouse-Position takes at most ${mostPositions} positions.`);
  return parts.map((part) => {
    const [, topic, partition, offset] = form.exec(part) ?? [];
    if (topic === undefined || partition === undefined || offset === undefined) {
      throw malformed('Gatehouse-Position must be <topic>:<partition>:<offset>, several separated by commas.');
    }
    return { topic, partition: Number(partition), offset: BigInt(offset).toString() };
  });
}
