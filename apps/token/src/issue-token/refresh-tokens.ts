import { Database } from '#host';
import { Injectable } from '@nestjs/common';
import { digestOf } from '../authorization-server/provider-records.js';
import { clientNamedIn, newRefreshToken } from './refresh-token-value.js';
import { openSuccessor, sealSuccessor } from './sealed-successor.js';

/** How long a rotated token still brings its successor to a client whose answer was lost, in seconds. */
const graceSeconds = 10;

/** By which keys a refresh token was earned: RFC 7638 thumbprints. */
export interface EarnedBy {
  /** The key that the client signed its assertion with. */
  readonly keyThumbprint?: string;
  /** The key that its sender has shown to hold (RFC 9449). */
  readonly jkt?: string;
}

/** What a refresh token stands for. */
export interface KeptRefreshToken extends EarnedBy {
  readonly grantId: string;
}

/** One that is kept: whether it was used before, and until when it counts. */
export interface FoundRefreshToken extends KeptRefreshToken {
  readonly rotated: boolean;
  readonly expiresAt: Date;
}

/** What presenting a refresh token came to. */
export type Rotation =
  /** It was the current one; its successor counts from now on. */
  | { readonly kind: 'rotated'; readonly successor: string }
  /** It was rotated a moment ago, and its successor has not been used: the answer was lost. */
  | { readonly kind: 'repeated'; readonly successor: string }
  /** It was rotated before: somebody else has it as well. */
  | { readonly kind: 'reused' }
  | { readonly kind: 'unknown' };

interface Row {
  readonly grant_id: string;
  readonly predecessor: Buffer | null;
  readonly rotated: boolean;
  readonly successor: Buffer | null;
}

interface FoundRow {
  readonly grant_id: string;
  readonly key_thumbprint: string | null;
  readonly jkt: string | null;
  readonly rotated: boolean;
  readonly expires_at: Date;
}

type Query = (sql: string, parameters: readonly unknown[]) => Promise<unknown>;

/** Refresh tokens as hashes, one family for each grant. Every method throws `DatabaseUnavailable`. */
@Injectable()
export class RefreshTokens {
  constructor(private readonly database: Database) {}

  /** Keeps the first token of a grant, in a transaction of the caller’s. */
  async first(query: Query, clientId: string, kept: KeptRefreshToken, lifeDays: number): Promise<string> {
    const token = newRefreshToken(clientId);
    await this.insert(query, token, kept, null, lifeDays);
    return token;
  }

  /** What a token stands for, rotated or not; undefined when it is unknown, has expired or was revoked. */
  async find(token: string): Promise<FoundRefreshToken | undefined> {
    const [row] = await this.database.query<FoundRow>(
      `SELECT grant_id, key_thumbprint, jkt, rotated_at IS NOT NULL AS rotated, expires_at FROM protocol.refresh_tokens
       WHERE digest = $1 AND expires_at > now()`,
      [digestOf(token)],
    );
    return (
      row && {
        grantId: row.grant_id,
        rotated: row.rotated,
        expiresAt: row.expires_at,
        ...(row.key_thumbprint === null ? {} : { keyThumbprint: row.key_thumbprint }),
        ...(row.jkt === null ? {} : { jkt: row.jkt }),
      }
    );
  }

  /**
   * Rotates a token, whatever number of callers present it at once: one successor, and for each honest retry the same.
   *
   * @param acknowledged the fact of the rotation reaches the log; when it throws, the token stays the current one
   */
  async rotate(token: string, by: EarnedBy, lifeDays: number, acknowledged: () => Promise<void>): Promise<Rotation> {
    return this.database.transaction(async (manager) => {
      const query: Query = (sql, parameters) => manager.query(sql, [...parameters]);
      const [row] = (await query(
        `SELECT grant_id, predecessor, rotated_at IS NOT NULL AS rotated,
                CASE WHEN rotated_at > now() - make_interval(secs => $2) THEN successor END AS successor
         FROM protocol.refresh_tokens WHERE digest = $1 AND expires_at > now() FOR UPDATE`,
        [digestOf(token), graceSeconds],
      )) as readonly Row[];
      if (row === undefined) return { kind: 'unknown' };
      if (row.rotated)
        return row.successor === null || !(await isOfKey(query, row.grant_id, token, by))
          ? { kind: 'reused' }
          : { kind: 'repeated', successor: openSuccessor(row.successor, token) };
      const kept = { grantId: row.grant_id, ...by };
      const successor = newRefreshToken(clientNamedIn(token) ?? '');
      await this.insert(query, successor, kept, digestOf(token), lifeDays);
      await query(
        'UPDATE protocol.refresh_tokens SET rotated_at = clock_timestamp(), successor = $2 WHERE digest = $1',
        [digestOf(token), sealSuccessor(successor, token)],
      );
      // Its first use ends the grace of the one before.
      if (row.predecessor !== null)
        await query('UPDATE protocol.refresh_tokens SET successor = NULL WHERE digest = $1', [row.predecessor]);
      await query(
        `UPDATE protocol.grants SET expires_at = now() + make_interval(days => $2), last_used_at = now()
         WHERE grant_id = $1 AND ended_at IS NULL`,
        [row.grant_id, lifeDays + 1],
      );
      await acknowledged();
      return { kind: 'rotated', successor };
    });
  }

  private async insert(
    query: Query,
    token: string,
    { grantId, keyThumbprint, jkt }: KeptRefreshToken,
    predecessor: Buffer | null,
    lifeDays: number,
  ): Promise<void> {
    await query(
      `INSERT INTO protocol.refresh_tokens (digest, grant_id, predecessor, key_thumbprint, jkt, expires_at)
       VALUES ($1, $2, $3, $4, $5, now() + make_interval(days => $6))`,
      [digestOf(token), grantId, predecessor, keyThumbprint ?? null, jkt ?? null, lifeDays],
    );
  }
}

/** Whether the successor was earned with the key that is shown now: an honest retry is by the same. */
async function isOfKey(query: Query, grantId: string, token: string, { jkt }: EarnedBy): Promise<boolean> {
  const [row] = (await query(
    'SELECT 1 FROM protocol.refresh_tokens WHERE grant_id = $1 AND predecessor = $2 AND jkt IS NOT DISTINCT FROM $3',
    [grantId, digestOf(token), jkt ?? null],
  )) as readonly object[];
  return row !== undefined;
}
