import { randomUUID } from 'node:crypto';
import { Compile } from 'typebox/compile';
import {
  type CloudEvent,
  type CommandMeta,
  type ContextContract,
  Outcome,
  parseEnvelope,
  topicsOf,
  UndecodableRecord,
} from '#contracts';
import type { RecordSource } from '../tail/record-source.js';

/** An outcome and the command it answers. */
export interface RecordedOutcome {
  readonly outcome: Outcome;
  readonly subject: string;
  readonly time: string;
  readonly commandOffset: bigint;
}

const validator = Compile(Outcome);
const typeOf = (context: string): string => `gatehouse.${context}.command-outcome.v1`;

/** An outcome as a record; `command` is what is known of the command that it answers. */
export function encodeOutcome(
  context: string,
  outcome: Outcome,
  command: CommandMeta,
  commandOffset: bigint,
  time: string,
): string {
  const envelope: CloudEvent<Outcome> = {
    specversion: '1.0',
    id: randomUUID(),
    source: `/gatehouse/${context}`,
    type: typeOf(context),
    subject: command.subject,
    time,
    datacontenttype: 'application/json',
    correlationid: command.correlationId,
    causationid: command.id,
    actor: command.actor,
    commandoffset: String(commandOffset),
    data: outcome,
  };
  return JSON.stringify(envelope);
}

/** The outcomes of a context. */
export function outcomesOf(contract: Pick<ContextContract, 'context'>): RecordSource<RecordedOutcome> {
  const { outcomes } = topicsOf(contract);
  const type = typeOf(contract.context);
  return {
    topic: outcomes.name,
    partitions: outcomes.partitions,
    decode(value) {
      const envelope = parseEnvelope(value);
      if (envelope.type !== type || envelope.commandoffset === undefined || !validator.Check(envelope.data)) {
        throw new UndecodableRecord(`record ${envelope.id} is not an outcome of ${contract.context}`);
      }
      return {
        outcome: envelope.data,
        subject: envelope.subject,
        time: envelope.time,
        commandOffset: BigInt(envelope.commandoffset),
      };
    },
  };
}
