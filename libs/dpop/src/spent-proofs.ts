import { createHash } from 'node:crypto';
import type { KeyProof } from './proof.js';

const cleaningEveryMs = 60_000;

/** Where spent proofs are kept. Throws when the store is away. */
export interface SpentProofsStore {
  query<Row extends object>(sql: string, parameters?: readonly unknown[]): Promise<readonly Row[]>;
}

/**
 * The `jti` of each proof, once across all instances (RFC 9449, 11.1), until it would be too old anyway. A guard that was
 * lost and made anew does not know what was spent before it: proofs made earlier are refused.
 */
export class SpentProofs {
  private cleaning: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: SpentProofsStore,
    /** Old ones were not removed; the next round will. */
    private readonly onNotRemoved: (error: unknown) => void,
  ) {}

  onModuleInit(): void {
    this.cleaning = setInterval(() => void this.removeExpired(), cleaningEveryMs).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.cleaning);
  }

  /** Spends a proof; false when it was spent before. Throws when the store is away. */
  async spend({ thumbprint, id, issued, expires }: KeyProof): Promise<boolean> {
    const digest = createHash('sha256')
      .update(JSON.stringify([thumbprint, id]))
      .digest();
    const spent = await this.store.query(
      `INSERT INTO protocol.spent_proofs (digest, expires_at)
       SELECT $1, to_timestamp($2) FROM protocol.proofs_since WHERE date_trunc('second', since) <= to_timestamp($3)
       ON CONFLICT (digest) DO NOTHING RETURNING digest`,
      [digest, expires, issued],
    );
    return spent.length === 1;
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
