import { Database, type Execute } from '#host';
import { isNarrowerOrEqual, parseScopes } from '#smart';
import { Injectable } from '@nestjs/common';
import { digestOf } from '../authorization-server/provider-records.js';
import { grantColumns, grantOf, grantStands, type GrantRow, type UserGrant } from '../consent/user-grants.js';
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
  /** It was rotated a moment ago, and more is asked for now than was then: that is no retry. Nothing changes. */
  | { readonly kind: 'wider' }
  /** It was rotated before: somebody else has it as well. */
  | { readonly kind: 'reused' }
  | { readonly kind: 'unknown' };

/** A refresh token with the grant that it stands for. */
export interface RefreshedGrant {
  readonly kept: FoundRefreshToken;
  readonly grant: UserGrant;
}

interface RotatedRow {
  readonly successor: Buffer | null;
  /** What its rotation brought, space-separated. */
  readonly scope: string | null;
  /** Whether the successor was earned with the key that is shown now. */
  readonly same: boolean;
}

interface FoundRow {
  readonly grant_id: string;
  readonly key_thumbprint: string | null;
  readonly jkt: string | null;
  readonly rotated: boolean;
  readonly expires_at: Date;
}

const find = {
  name: 'find-refresh-token',
  text: `SELECT grant_id, key_thumbprint, jkt, rotated_at IS NOT NULL AS rotated, expires_at FROM protocol.refresh_tokens
    WHERE digest = $1 AND expires_at > now()`,
};

const findWithGrant = {
  name: 'find-refresh-token-with-grant',
  text: `SELECT t.grant_id, t.key_thumbprint, t.jkt, t.rotated_at IS NOT NULL AS rotated, t.expires_at, ${grantColumns}
    FROM protocol.refresh_tokens t JOIN protocol.grants g ON g.grant_id = t.grant_id
    WHERE t.digest = $1 AND t.expires_at > now() AND ${grantStands}`,
};

const insert = {
  name: 'insert-refresh-token',
  text: `INSERT INTO protocol.refresh_tokens (digest, grant_id, key_thumbprint, jkt, expires_at)
    VALUES ($1, $2, $3, $4, now() + make_interval(days => $5))`,
};

/**
 * The current token is rotated, its successor kept, the grace of the one before ended (this is its successor's first use),
 * and the grant's life renewed. Whoever comes at the same time waits for the row, and finds it rotated.
 */
const rotate = {
  name: 'rotate-refresh-token',
  text: `WITH rotated AS (
      UPDATE protocol.refresh_tokens SET rotated_at = clock_timestamp(), successor = $2, successor_scope = $7
      WHERE digest = $1 AND rotated_at IS NULL AND expires_at > now() RETURNING grant_id, predecessor),
    renewed AS (
      UPDATE protocol.grants g SET expires_at = now() + make_interval(days => $6::int + 1), last_used_at = now()
      FROM rotated WHERE g.grant_id = rotated.grant_id AND g.ended_at IS NULL RETURNING g.grant_id),
    over AS (
      UPDATE protocol.refresh_tokens t SET successor = NULL FROM rotated WHERE t.digest = rotated.predecessor),
    kept AS (
      INSERT INTO protocol.refresh_tokens (digest, grant_id, predecessor, key_thumbprint, jkt, expires_at)
      SELECT $3::bytea, grant_id, $1, $4::text, $5::text, now() + make_interval(days => $6::int) FROM renewed)
    SELECT (SELECT count(*)::int FROM rotated) AS rotated, (SELECT count(*)::int FROM renewed) AS renewed`,
};

const findRotated = {
  name: 'find-rotated-refresh-token',
  text: `SELECT CASE WHEN t.rotated_at > now() - make_interval(secs => $2) THEN t.successor END AS successor,
      t.successor_scope AS scope, EXISTS (SELECT 1 FROM protocol.refresh_tokens s
        WHERE s.grant_id = t.grant_id AND s.predecessor = t.digest AND s.jkt IS NOT DISTINCT FROM $3::text) AS same
    FROM protocol.refresh_tokens t WHERE t.digest = $1 AND t.rotated_at IS NOT NULL AND t.expires_at > now()`,
};

/** Refresh tokens as hashes, one family for each grant. Every method throws `DatabaseUnavailable`. */
@Injectable()
export class RefreshTokens {
  constructor(private readonly database: Database) {}

  /** Keeps the first token of a grant, in a transaction of the caller’s. */
  async first(execute: Execute, clientId: string, kept: KeptRefreshToken, lifeDays: number): Promise<string> {
    const token = newRefreshToken(clientId);
    const { grantId, keyThumbprint, jkt } = kept;
    await execute(insert, [digestOf(token), grantId, keyThumbprint ?? null, jkt ?? null, lifeDays]);
    return token;
  }

  /** What a token stands for, rotated or not; undefined when it is unknown, has expired or was revoked. */
  async find(token: string): Promise<FoundRefreshToken | undefined> {
    const [row] = await this.database.execute<FoundRow>(find, [digestOf(token)]);
    return row && foundOf(row);
  }

  /** The same, with its grant; undefined also when the grant has ended. */
  async findWithGrant(token: string): Promise<RefreshedGrant | undefined> {
    const [row] = await this.database.execute<FoundRow & GrantRow>(findWithGrant, [digestOf(token)]);
    return row && { kept: foundOf(row), grant: grantOf(row.grant_id, row) };
  }

  /**
   * Rotates a token, whatever number of callers present it at once: one successor, and for each honest retry the same.
   *
   * @param brings the scopes of the access token that the caller would get: a retry gets no more than the first try
   * @param acknowledged the fact of the rotation reaches the log; when it throws, the token stays the current one
   */
  async rotate(
    token: string,
    by: EarnedBy,
    brings: readonly string[],
    lifeDays: number,
    acknowledged: () => Promise<void>,
  ): Promise<Rotation> {
    const digest = digestOf(token);
    return this.database.atomically(async (execute): Promise<Rotation> => {
      const successor = newRefreshToken(clientNamedIn(token) ?? '');
      const [row] = await execute<{ readonly rotated: number; readonly renewed: number }>(rotate, [
        ...[digest, sealSuccessor(successor, token), digestOf(successor)],
        ...[by.keyThumbprint ?? null, by.jkt ?? null, lifeDays, brings.join(' ')],
      ]);
      if (row?.renewed === 1) {
        await acknowledged();
        return { kind: 'rotated', successor };
      }
      // Its grant ended a moment ago, and takes its tokens with it.
      if (row?.rotated === 1) return { kind: 'unknown' };
      const [before] = await execute<RotatedRow>(findRotated, [digest, graceSeconds, by.jkt ?? null]);
      if (before === undefined) return { kind: 'unknown' };
      if (before.successor === null || !before.same) return { kind: 'reused' };
      if (!isWithin(brings, before.scope)) return { kind: 'wider' };
      return { kind: 'repeated', successor: openSuccessor(before.successor, token) };
    });
  }
}

/** Whether scopes allow no more than those that a rotation brought; where nobody knows what it brought, they do. */
function isWithin(scopes: readonly string[], brought: string | null): boolean {
  const [now, then] = [parseScopes(scopes), parseScopes((brought ?? '').split(' '))];
  return now.ok && then.ok && isNarrowerOrEqual(now.scopes, then.scopes);
}

function foundOf({ grant_id: grantId, rotated, ...row }: FoundRow): FoundRefreshToken {
  return {
    grantId,
    rotated,
    expiresAt: row.expires_at,
    ...(row.key_thumbprint === null ? {} : { keyThumbprint: row.key_thumbprint }),
    ...(row.jkt === null ? {} : { jkt: row.jkt }),
  };
}
