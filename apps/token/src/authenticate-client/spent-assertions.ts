import { createHash } from 'node:crypto';
import { Database, Log } from '#host';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { clockTolerance, type AssertionId } from './assertion-rules.js';

const cleaningEveryMs = 60_000;

/**
 * The `jti` of each assertion, once across all instances (RFC 7523, 3, item 7), until the assertion has expired. A
 * guard that was lost and made anew does not know what was spent before it: assertions made earlier are refused.
 */
@Injectable()
export class SpentAssertions implements OnModuleInit, OnModuleDestroy {
  private cleaning: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.cleaning = setInterval(() => void this.removeExpired(), cleaningEveryMs).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.cleaning);
  }

  /** Spends an assertion; false when it was spent before. Throws `DatabaseUnavailable`. */
  async spend({ issuer, id, expires, issued }: AssertionId): Promise<boolean> {
    const digest = createHash('sha256')
      .update(JSON.stringify([issuer, id]))
      .digest();
    const spent = await this.database.query(
      `INSERT INTO protocol.spent_assertions (digest, expires_at)
       SELECT $1, to_timestamp($2) FROM protocol.replay_guard WHERE date_trunc('second', since) <= to_timestamp($3)
       ON CONFLICT (digest) DO NOTHING RETURNING digest`,
      [digest, expires + clockTolerance, issued],
    );
    return spent.length === 1;
  }

  /** Forgets what no longer could be used anyway; the margin is for databases whose clocks run ahead of ours. */
  private async removeExpired(): Promise<void> {
    try {
      await this.database.query(`DELETE FROM protocol.spent_assertions WHERE expires_at < now() - interval '1 minute'`);
    } catch (error) {
      this.log.warn('expired assertions were not removed; the next round will', error);
    }
  }
}
