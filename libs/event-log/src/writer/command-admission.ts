import {
  type CommandKeys,
  type ContextContract,
  parseEnvelope,
  partitionOf,
  POLICY_ID,
  UndecodableRecord,
  UNKNOWN_APPLICATION,
  isId,
} from '#contracts';
import type { ActivityPort } from '../append/activity-appender.js';
import type { LogRecord } from '../kafka/visible-records.js';

/** What is known of a record that was read: where it stands, and what is wrong with it. */
interface Judged {
  readonly offset: bigint;
  readonly unauthentic?: string | undefined;
}

/**
 * Tells commands that an instance of ours sent, once it knew their actor, from whatever else stands in a commands topic, and
 * puts the others on record (security.md, The log; docs/adr/0031).
 */
export class CommandAdmission {
  constructor(
    private readonly contract: Pick<ContextContract, 'context'>,
    private readonly keys: CommandKeys | undefined,
    private readonly activity: ActivityPort | undefined,
  ) {}

  /** Undefined for a command of ours; else what is wrong. */
  faultOf({ value, partition }: LogRecord, subject: string): string | undefined {
    if (this.keys === undefined) return undefined;
    const fault = this.keys.faultOf(value);
    if (fault !== undefined) return fault;
    // A true record that somebody copied: the writer of another partition would decide it again.
    return partitionFor(subject) === partition ? undefined : 'it stands in another partition than its subject';
  }

  /** Reports every record that is no command, or none of ours; resolves when that is acknowledged. */
  async report(records: readonly LogRecord[], commands: readonly Judged[]): Promise<void> {
    const { activity } = this;
    if (this.keys === undefined || activity === undefined) return;
    const judged = new Map(commands.map((command) => [command.offset, command]));
    await Promise.all(
      records.map(async (record) => {
        const command = judged.get(record.offset);
        const reason = command === undefined ? 'it is no command of this release' : command.unauthentic;
        if (reason !== undefined) await this.#reportOne(activity, record, reason);
      }),
    );
  }

  async #reportOne(activity: ActivityPort, { value, partition, offset }: LogRecord, reason: string): Promise<void> {
    const { context } = this.contract;
    const { subject = '', id, type, actor } = claimsOf(value);
    const place = `${context}:${partition}:${offset}`;
    await activity.append(
      {
        type: 'command-refused',
        data: {
          context,
          partition,
          offset: String(offset),
          reason,
          ...(id === undefined ? {} : { claimedId: id }),
          ...(type === undefined ? {} : { claimedType: type }),
          ...(actor === undefined ? {} : { claimedActor: actor }),
        },
      },
      {
        subject: isId(subject) ? subject : UNKNOWN_APPLICATION,
        actor: `system:${context}-writer`,
        correlationId: place,
        causationId: place,
      },
    );
  }
}

function partitionFor(subject: string): number {
  return subject === POLICY_ID ? 0 : partitionOf(subject);
}

type Claims = Partial<Record<'id' | 'type' | 'subject' | 'actor', string>>;

const CLAIM_LENGTH = 128;

/** What a record says of itself, as far as it can be read; cut, since nobody vouches for it. */
function claimsOf(value: Buffer): Claims {
  try {
    const { id, type, subject, actor } = parseEnvelope(value);
    const cut = (text: string): string => text.slice(0, CLAIM_LENGTH);
    return { id: cut(id), type: cut(type), subject: cut(subject), actor: cut(actor) };
  } catch (error) {
    if (error instanceof UndecodableRecord) return {};
    throw error;
  }
}
