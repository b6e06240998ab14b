import { createHash } from 'node:crypto';
import { Database, Log } from '#host';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import { orUnavailable } from './oauth-errors.js';

const cleaningEveryMs = 60_000;
/** What expires by itself in schema `protocol`. */
const tables = ['provider_records', 'sign_ins', 'sessions', 'choices', 'launches', 'refresh_tokens', 'grants'];

/** A store that also gives a record to the first who asks, and to nobody else. */
export type TakingAdapter = Adapter & { readonly take: Adapter['find'] };

/** SHA-256 of a credential: all that is kept of one. */
export function digestOf(credential: string): Buffer {
  return createHash('sha256').update(credential).digest();
}

/** What oidc-provider keeps of requests under way and of codes, in Postgres, without the credentials themselves. */
@Injectable()
export class ProviderRecords implements OnModuleInit, OnModuleDestroy {
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

  /** The store of one of the provider's models. */
  adapter(model: string): TakingAdapter {
    const notKept = async () => undefined;
    return {
      upsert: (id, payload, expiresIn = 60) => orUnavailable(() => this.upsert(model, id, payload, expiresIn)),
      find: (id) => orUnavailable(() => this.find(model, id)),
      take: (id) => orUnavailable(() => this.take(model, id)),
      consume: (id) => orUnavailable(() => this.consume(model, id)),
      destroy: (id) => orUnavailable(() => this.destroy(model, id)),
      // Sessions, device codes and grants are not the provider's here.
      findByUid: notKept,
      findByUserCode: notKept,
      revokeByGrantId: notKept,
    };
  }

  private async upsert(model: string, id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    const { jti: _credential, ...rest } = payload;
    await this.database.query(
      `INSERT INTO protocol.provider_records (model, digest, payload, expires_at)
       VALUES ($1, $2, $3, now() + make_interval(secs => $4))
       ON CONFLICT (model, digest) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`,
      [model, digestOf(id), JSON.stringify(rest), expiresIn],
    );
  }

  private async find(model: string, id: string): Promise<AdapterPayload | undefined> {
    const [row] = await this.database.query<{ payload: AdapterPayload; consumed: boolean }>(
      `SELECT payload, consumed_at IS NOT NULL AS consumed FROM protocol.provider_records
       WHERE model = $1 AND digest = $2 AND expires_at > now()`,
      [model, digestOf(id)],
    );
    return row && { ...row.payload, jti: id, ...(row.consumed ? { consumed: true } : {}) };
  }

  private async take(model: string, id: string): Promise<AdapterPayload | undefined> {
    const [row] = await this.database.query<{ payload: AdapterPayload }>(
      `UPDATE protocol.provider_records SET consumed_at = now()
       WHERE model = $1 AND digest = $2 AND consumed_at IS NULL AND expires_at > now() RETURNING payload`,
      [model, digestOf(id)],
    );
    return row && { ...row.payload, jti: id };
  }

  private async consume(model: string, id: string): Promise<void> {
    await this.database.query(
      'UPDATE protocol.provider_records SET consumed_at = now() WHERE model = $1 AND digest = $2',
      [model, digestOf(id)],
    );
  }

  private async destroy(model: string, id: string): Promise<void> {
    await this.database.query('DELETE FROM protocol.provider_records WHERE model = $1 AND digest = $2', [
      model,
      digestOf(id),
    ]);
  }

  /** The margin is for databases whose clocks run ahead of ours, and for codes that are presented again. */
  private async removeExpired(): Promise<void> {
    try {
      for (const table of tables)
        await this.database.query(`DELETE FROM protocol.${table} WHERE expires_at < now() - interval '1 hour'`);
    } catch (error) {
      this.log.warn('what expired was not removed; the next round will', error);
    }
  }
}
