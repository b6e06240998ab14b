import { randomUUID } from 'node:crypto';
import { Database, Log, OwnerErasures, VAULT } from '#host';
import { OwnerErased, VaultErasures, type Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';

/** An open registration that is nobody's any more. */
interface Ended {
  /** The random id under which its contacts were sealed. */
  readonly nobody: string;
  /** Who claimed it; null where nobody did. */
  readonly claimer: string | null;
}

/**
 * What was sealed for open registrations. Whoever registered had an id of their own, which is nobody's: once that registration was
 * claimed, its contacts are its claimer's; once it has expired, or was revoked or deregistered before anybody claimed it, contacts
 * and id are erased. By events of the log alone, all of them each time, so that it holds for a table that is behind and for an
 * earlier copy of the vault: there what was the claimer's is handed to them again. So the id of a claimed one is erased no sooner than
 * its claimer; an erasure stands in the log, and would take from an earlier copy what is not the claimer's there yet.
 */
@Injectable()
export class NobodysContacts {
  constructor(
    private readonly database: Database,
    private readonly erasures: VaultErasures,
    private readonly owners: OwnerErasures,
    @Inject(VAULT) private readonly vault: Vault,
    private readonly log: Log,
  ) {}

  /**
   * Sees to all that has ended. Any instance may, at any time, and again. What cannot be seen to now is logged, and stops nothing
   * that comes after it.
   *
   * @throws DatabaseUnavailable, VaultUnavailable: nothing was seen to
   */
  async seeTo(actor: string): Promise<void> {
    const ended = await this.database.query<Ended>(
      `SELECT coalesce(state->'claimed'->>'from', state->>'ownerId') AS nobody, state->'claimed'->>'by' AS claimer
       FROM projection.applications
       WHERE state ? 'claimed' OR state->'unclaimed' = 'true' AND state->'closed'->>'kind' IN ('expired', 'revoked')`,
      [],
    );
    const ids = ended.flatMap(({ nobody, claimer }) => (claimer === null ? [nobody] : [nobody, claimer]));
    const living = new Set(await this.erasures.notErased(ids));
    const holding = new Set(await this.erasures.holding(ended.map(({ nobody }) => nobody)));
    for (const { nobody, claimer } of ended) {
      if (!living.has(nobody)) continue;
      const heir = claimer !== null && living.has(claimer) ? claimer : undefined;
      if (heir !== undefined && !holding.has(nobody)) continue;
      try {
        if (heir === undefined || !(await this.isHandedOver(nobody, heir)))
          await this.owners.erase(nobody, 'no-longer-needed', actor, randomUUID());
      } catch (error) {
        this.log.warn('what was sealed for an open registration was not seen to; it will be, again', error);
      }
    }
  }

  /** False where the heir was erased since: what they would have been given goes as well. */
  private async isHandedOver(nobody: string, heir: string): Promise<boolean> {
    try {
      await this.vault.handOver(nobody, heir);
      return true;
    } catch (error) {
      if (error instanceof OwnerErased) return false;
      throw error;
    }
  }
}
