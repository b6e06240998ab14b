import { createHash } from 'node:crypto';
import type { KeyProof } from './proof.js';
import { beginAnew, intact, ReplayMemoryLost, type SpentStore } from './replay-memory.js';

const cleaningEveryMs = 60_000;

/**
 * The `jti` of each proof, once across all instances (RFC 9449, 11.1), until it would be too old anyway. A guard that was
 * lost or restored does not know what was spent before: proofs made earlier are refused (docs/adr/0037).
 */
export class SpentProofs {
  private cleaning: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: SpentStore,
    /** Old ones were not removed; the next round will. */
    private readonly onNotRemoved: (error: unknown) => void,
  ) {}

  onModuleInit(): void {
    this.cleaning = setInterval(() => void this.removeExpired(), cleaningEveryMs).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.cleaning);
  }

  /** Spends a proof; false when it was spent before. Throws `ReplayMemoryLost`, and when the store is away. */
  async spend({ thumbprint, id, issued, expires }: KeyProof): Promise<boolean> {
    const digest = createHash('sha256')
      .update(JSON.stringify([thumbprint, id]))
      .digest();
    const [told] = await this.store.query<{ readonly remembers: boolean; readonly spent: boolean }>(
      `WITH memory AS (SELECT since FROM protocol.proofs_since WHERE ${intact('protocol.proofs_since')}),
         spent AS (
           INSERT INTO protocol.spent_proofs (digest, expires_at)
           SELECT $1, to_timestamp($2) FROM memory WHERE date_trunc('second', since) <= to_timestamp($3)
           ON CONFLICT (digest) DO NOTHING RETURNING digest)
       SELECT EXISTS (SELECT FROM memory) AS remembers, EXISTS (SELECT FROM spent) AS spent`,
      [digest, expires, issued],
    );
    if (told?.remembers === true) return told.spent;
    await beginAnew(this.store, 'protocol.proofs_since');
    throw new ReplayMemoryLost();
  }

  /** The margin is for databases whose clocks run ahead of ours. */
  private async removeExpired(): Promise<void> {
    try {
      await this.store.query(`DELETE FROM protocol.spent_proofs WHERE expires_at < now() - interval '1 minute'`);
    } catch (error) {
      this.onNotRemoved(error);
    }
  }
}
