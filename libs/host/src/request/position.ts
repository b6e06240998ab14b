import { channels, type Position } from '#contracts';
import { malformedHeader } from '../problem/problem-exception.js';

const form = /^([\w.-]{1,249}):(\d{1,9}):(\d{1,19})$/;
const mostPositions = 16;
const partitionsOf = new Map(channels.map(({ topic }) => [topic.name, topic.partitions]));

/** Reads positions of the log's topics separated by commas, at most 16. Throws a 400 problem. */
export function parsePositions(text: string): readonly Position[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length > mostPositions)
    throw malformedHeader('Gatehouse-Position', `must be at most ${mostPositions} positions`);
  return parts.map((part) => {
    const [, topic, partition, offset] = form.exec(part) ?? [];
    if (topic === undefined || partition === undefined || offset === undefined) {
      throw malformedHeader('Gatehouse-Position', 'must be <topic>:<partition>:<offset>, several separated by commas');
    }
    if (Number(partition) >= (partitionsOf.get(topic) ?? 0))
      throw malformedHeader('Gatehouse-Position', `${part} is no place in the log`);
    return { topic, partition: Number(partition), offset: BigInt(offset) };
  });
}
