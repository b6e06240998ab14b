import { randomUUID } from 'node:crypto';
import { encodeErasure, erasuresTopic, type ErasureReason } from '#contracts';
import type { TopicAppendPort } from '#event-log';
import { correlationId, ErasureFollower, InjectAppender, VAULT } from '#host';
import { VaultErasures, type Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';
import { PersonEnds, type PersonEnded } from './person-ends.js';

/** Proof that somebody was erased, and that nothing of theirs counts any more. */
export interface PersonErased extends PersonEnded {
  /** RFC 3339. */
  readonly erasedAt: string;
}

/** Erases people: ends what they have here, says so in the log for ever, and destroys their keys. */
@Injectable()
export class PersonErasures {
  constructor(
    private readonly ends: PersonEnds,
    private readonly erasures: VaultErasures,
    private readonly follower: ErasureFollower,
    @Inject(VAULT) private readonly vault: Vault,
    @InjectAppender(erasuresTopic) private readonly topic: TopicAppendPort,
  ) {}

  /**
   * What they have ends first: should the process end in between, the person is still known and it can be asked again.
   * Once the event is acknowledged they are erased, whoever carries it out. What began meanwhile is ended after it.
   *
   * @returns undefined for an id that never was anybody's here
   * @throws NotServing where it is not certain that the end is in force everywhere; NotAppended, and nothing was erased;
   *   DatabaseUnavailable, VaultUnavailable. Asking again goes on with it
   */
  async erase(id: string, reason: ErasureReason, actor: string): Promise<PersonErased | undefined> {
    const end = { cause: 'user-revoked', actor, reason: `erasure: ${reason}` } as const;
    const before = await this.erasures.erasedAt(id);
    if (before !== undefined) return { ...(await this.ends.everything(id, end)), erasedAt: before };
    if ((await this.vault.lookupSubject(id)) === undefined) return undefined;
    const ended = await this.ends.everything(id, end);
    const time = new Date().toISOString();
    const correlation = correlationId() ?? 'none';
    const meta = { id: randomUUID(), subject: id, time, actor, correlationId: correlation, causationId: correlation };
    await this.topic.append(0, { key: id, value: encodeErasure({ reason }, meta) });
    await this.follower.carryOut(id, time);
    const late = await this.ends.everything(id, end);
    return {
      userId: id,
      erasedAt: time,
      sessions: ended.sessions + late.sessions,
      grants: Math.max(ended.grants, late.grants),
      enforcedAt: late.enforcedAt,
      receipts: late.receipts,
    };
  }
}
