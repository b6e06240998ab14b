import { randomUUID } from 'node:crypto';
import { Database, OwnerErasures, VAULT } from '#host';
import { OwnerErased, VaultErasures, type Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';

/** Ends of so long ago are looked at again: the table may have lagged behind the log. */
const LAG_MS = 3_600_000;

/** An open registration that is nobody's any more. */
interface Ended {
  /** The random id under which its contacts were sealed. */
  readonly nobody: string;
  /** Who claimed it; null where nobody did. */
  readonly claimer: string | null;
}

/**
 * What was sealed for open registrations. Whoever registered had an id of their own, which is nobody's: once that registration was
 * claimed, its contacts are its claimer's, and the id is erased; once it has expired, or was revoked or deregistered before
 * anybody claimed it, contacts and id are erased. By events of the log alone, and with an erasure that stands in the log itself, so
 * that it holds for earlier copies of the vault, too.
 */
@Injectable()
export class NobodysContacts {
  /** Ends before it were seen to; a process begins with all that ever were, so that none is forgotten. */
  private seenToBefore = new Date(0);

  constructor(
    private readonly database: Database,
    private readonly erasures: VaultErasures,
    private readonly owners: OwnerErasures,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /**
   * Sees to all that has ended since the last time. Any instance may, at any time, and again.
   *
   * @throws DatabaseUnavailable, VaultUnavailable, NotAppended: it goes on with them the next time
   */
  async seeTo(actor: string): Promise<void> {
    const next = new Date(Date.now() - LAG_MS);
    const ended = await this.database.query<Ended>(
      `SELECT coalesce(state->'claimed'->>'from', state->>'ownerId') AS nobody, state->'claimed'->>'by' AS claimer
       FROM projection.applications
       WHERE (state ? 'claimed' OR state->'unclaimed' = 'true' AND state->'closed'->>'kind' IN ('expired', 'revoked'))
         AND coalesce(state->'claimed'->>'at', state->'closed'->>'at')::timestamptz >= $1`,
      [this.seenToBefore],
    );
    const left = new Set(await this.erasures.notErased(ended.map(({ nobody }) => nobody)));
    for (const { nobody, claimer } of ended.filter((one) => left.has(one.nobody))) {
      if (claimer !== null) await this.handOver(nobody, claimer);
      await this.owners.erase(nobody, 'no-longer-needed', actor, randomUUID());
    }
    this.seenToBefore = next;
  }

  private async handOver(nobody: string, claimer: string): Promise<void> {
    try {
      await this.vault.handOver(nobody, claimer);
    } catch (error) {
      // Erased since: what they would have been given goes as well.
      if (!(error instanceof OwnerErased)) throw error;
    }
  }
}
