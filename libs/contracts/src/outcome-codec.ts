import { MessageCodec, parseEnvelope, UndecodableRecord } from './codec.js';
import type { CommandMeta } from './envelope.js';
import { outcomes, type Outcome } from './outcome.js';

/** An outcome and the command it answers. */
export interface RecordedOutcome {
  readonly outcome: Outcome;
  readonly subject: string;
  /** Who sent the command. */
  readonly actor: string;
  readonly time: string;
  readonly commandOffset: bigint;
}

/** What stands around an outcome: the record's own id and time (RFC 3339, UTC), and the command that it answers. */
export interface OutcomeMeta {
  readonly id: string;
  readonly time: string;
  readonly command: Pick<CommandMeta, 'id' | 'subject' | 'actor' | 'correlationId'>;
  readonly commandOffset: bigint;
}

/** Reads and writes what became of the commands of one context. */
export class OutcomeCodec {
  readonly #codec: MessageCodec<typeof outcomes>;

  constructor(context: string) {
    this.#codec = new MessageCodec(context, outcomes);
  }

  encode(outcome: Outcome, { id, time, command, commandOffset }: OutcomeMeta): string {
    const { id: causationId, subject, actor, correlationId } = command;
    const around = { id, subject, time, actor, correlationId, causationId };
    return this.#codec.encode('command-outcome', outcome, around, { commandoffset: String(commandOffset) });
  }

  /** @throws UndecodableRecord */
  decode(value: Buffer | string): RecordedOutcome {
    const envelope = parseEnvelope(value);
    const { data } = this.#codec.read(envelope);
    if (envelope.commandoffset === undefined)
      throw new UndecodableRecord(`outcome ${envelope.id} does not say which command it answers`);
    return {
      outcome: data,
      subject: envelope.subject,
      actor: envelope.actor,
      time: envelope.time,
      commandOffset: BigInt(envelope.commandoffset),
    };
  }
}
