import { type ContextContract, OutcomeCodec, type RecordedOutcome, topicsOf } from '#contracts';
import type { RecordSource } from '../tail/record-source.js';

/** The outcomes of a context. */
export function outcomesOf(contract: Pick<ContextContract, 'context'>): RecordSource<RecordedOutcome> {
  const { outcomes } = topicsOf(contract);
  const codec = new OutcomeCodec(contract.context);
  return { topic: outcomes.name, partitions: outcomes.partitions, decode: (value) => codec.decode(value) };
}
