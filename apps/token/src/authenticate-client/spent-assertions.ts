import { hash } from 'node:crypto';
import { beginAnew, intact, ReplayMemoryLost } from '#dpop';
import { Database, Log } from '#host';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { clockTolerance, type AssertionId } from './assertion-rules.js';
import { GatheredSpends, type Spend } from './gathered-spends.js';

const cleaningEveryMs = 60_000;

/** Gives the digests of what is spent now, and one row more without a digest where the guard remembers. */
const keep = {
  name: 'keep-spent-assertions',
  text: `WITH memory AS (SELECT since FROM protocol.replay_guard WHERE ${intact('protocol.replay_guard')}),
    spent AS (
      INSERT INTO protocol.spent_assertions (digest, expires_at)
      SELECT decode(asked.digest, 'hex'), to_timestamp(asked.until)
      FROM unnest($1::text[], $2::float8[], $3::float8[]) AS asked(digest, until, issued)
      JOIN memory ON date_trunc('second', since) <= to_timestamp(asked.issued)
      ORDER BY asked.digest
      ON CONFLICT (digest) DO NOTHING RETURNING encode(digest, 'hex') AS digest)
    SELECT digest FROM spent UNION ALL SELECT NULL FROM memory`,
};

/**
 * The `jti` of each assertion, once across all instances (RFC 7523, 3, item 7), until the assertion has expired. A
 * guard that was lost or restored does not know what was spent before: assertions made earlier are refused (docs/adr/0037).
 */
@Injectable()
export class SpentAssertions implements OnModuleInit, OnModuleDestroy {
  private cleaning: NodeJS.Timeout | undefined;
  private readonly gathered = new GatheredSpends((batch) => this.keep(batch));

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

  /** Spends an assertion; false when it was spent before. Throws `DatabaseUnavailable`, `ReplayMemoryLost`. */
  async spend({ issuer, id, expires, issued }: AssertionId): Promise<boolean> {
    const digest = hash('sha256', JSON.stringify([issuer, id]), 'hex');
    // An `iat` before the epoch is one: what the database cannot read as a time would fail those beside it.
    return this.gathered.spend({ digest, until: expires + clockTolerance, issued: Math.max(0, issued) });
  }

  private async keep(batch: readonly Spend[]): Promise<readonly string[]> {
    const kept = await this.database.execute<{ readonly digest: string | null }>(keep, [
      batch.map(({ digest }) => digest),
      batch.map(({ until }) => until),
      batch.map(({ issued }) => issued),
    ]);
    if (!kept.some(({ digest }) => digest === null)) {
      await beginAnew(this.database, 'protocol.replay_guard');
      throw new ReplayMemoryLost();
    }
    return kept.flatMap(({ digest }) => digest ?? []);
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
