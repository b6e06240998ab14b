import type { ErasureReason } from '#contracts';
import { correlationId, OwnerErasures, VAULT } from '#host';
import { VaultErasures, type Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';
import { RegistrationTokens } from '../register-client/registration-tokens.js';
import { PersonEnds, type PersonEnd, type PersonEnded } from './person-ends.js';

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
    private readonly owners: OwnerErasures,
    private readonly registrations: RegistrationTokens,
    @Inject(VAULT) private readonly vault: Vault,
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
    if (before !== undefined) return { ...(await this.late(id, end)), erasedAt: before };
    if ((await this.vault.lookupSubject(id)) === undefined) return undefined;
    const ended = await this.ends.everything(id, end);
    const time = await this.owners.erase(id, reason, actor, correlationId() ?? 'none');
    const late = await this.late(id, end);
    return {
      userId: id,
      erasedAt: time,
      sessions: ended.sessions + late.sessions,
      grants: Math.max(ended.grants, late.grants),
      enforcedAt: late.enforcedAt,
      receipts: late.receipts,
    };
  }

  /** What began while they were being erased; nobody registers for them any more. */
  private async late(id: string, end: PersonEnd): Promise<PersonEnded> {
    await this.registrations.takeBack(id);
    return this.ends.everything(id, end);
  }
}
