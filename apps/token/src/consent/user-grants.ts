import { ACCESS_TOKEN_LIFE_MAX_S } from '#contracts';
import { Database } from '#host';
import { Injectable } from '@nestjs/common';
import type { LaunchContext } from '../launch-app/launches.js';

/** How long a grant lasts. */
export type GrantDuration = 'once' | 'online' | 'offline';

/** What tokens of a grant are about. */
export interface GrantContext extends LaunchContext {
  /** `Practitioner/123`. */
  readonly fhirUser?: string;
  /** The vault's id of the patient. */
  readonly patientId?: string;
  /** Patients besides the one in context whom `fhirContext` is about. */
  readonly otherPatients?: readonly string[];
  readonly nonce?: string;
}

/** What a user agreed to, as long as tokens can come of it. The log says that they did. */
export interface UserGrant {
  readonly grantId: string;
  readonly applicationId: string;
  readonly clientId: string;
  readonly userId: string;
  readonly scopes: readonly string[];
  readonly duration: GrantDuration;
  readonly context: GrantContext;
  /** The session that it ends with: SHA-256. */
  readonly session?: Buffer;
}

/** A grant as its row has it. */
export interface GrantRow {
  readonly application_id: string;
  readonly client_id: string;
  readonly user_id: string;
  readonly scopes: readonly string[];
  readonly duration: GrantDuration;
  readonly context: GrantContext;
  readonly session: Buffer | null;
}

/** A grant with its times; when it last brought a token. */
export interface UsedGrant extends UserGrant {
  readonly consentedAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

interface UseRow {
  readonly grant_id: string;
  readonly consented_at: Date;
  readonly last_used_at: Date;
  readonly expires_at: Date;
}

/** The columns of {@link GrantRow}, of `protocol.grants` as `g`. */
export const grantColumns = 'g.application_id, g.client_id, g.user_id, g.scopes, g.duration, g.context, g.session';
/** That a grant has not ended; one that ends with a session, that the session lasts. */
export const grantStands = `g.ended_at IS NULL AND g.expires_at > now()
  AND (g.duration <> 'online' OR EXISTS (
    SELECT 1 FROM protocol.sessions s WHERE s.digest = g.session AND s.expires_at > now()))`;

/** Keeps grants in schema `protocol`; every method throws `DatabaseUnavailable`. */
@Injectable()
export class UserGrants {
  constructor(private readonly database: Database) {}

  /**
   * Keeps a grant that was agreed to in a session. One that ended meanwhile has none: whoever ends it and then looks for
   * what the person has agreed to finds all of it.
   *
   * @param lifeSeconds until its first code must have been redeemed
   * @returns false without the session
   */
  async keep(grant: UserGrant & { readonly session: Buffer }, lifeSeconds: number): Promise<boolean> {
    const { grantId, applicationId, clientId, userId, scopes, duration, context, session } = grant;
    const [row] = await this.database.query<{ count: number }>(
      `WITH living AS (SELECT digest FROM protocol.sessions WHERE digest = $8 AND expires_at > now() FOR SHARE),
       kept AS (
         INSERT INTO protocol.grants
           (grant_id, application_id, client_id, user_id, scopes, duration, context, session, expires_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, digest, now() + make_interval(secs => $9) FROM living
         ON CONFLICT (grant_id) DO NOTHING)
       SELECT count(*)::int AS count FROM living`,
      [
        grantId,
        applicationId,
        clientId,
        userId,
        JSON.stringify(scopes),
        duration,
        JSON.stringify(context),
        session,
        lifeSeconds,
      ],
    );
    return row?.count === 1;
  }

  /** A grant that has not ended; one that ends with a session, while the session lasts. */
  async standing(grantId: string): Promise<UserGrant | undefined> {
    const [row] = await this.database.query<GrantRow>(
      `SELECT ${grantColumns} FROM protocol.grants g WHERE grant_id = $1 AND ${grantStands}`,
      [grantId],
    );
    return row && grantOf(grantId, row);
  }

  /** Whose a grant is or was, whether it stands or not. */
  async owner(grantId: string): Promise<Pick<UserGrant, 'grantId' | 'applicationId' | 'clientId'> | undefined> {
    const [row] = await this.database.query<Pick<GrantRow, 'application_id' | 'client_id'>>(
      'SELECT application_id, client_id FROM protocol.grants WHERE grant_id = $1',
      [grantId],
    );
    return row && { grantId, applicationId: row.application_id, clientId: row.client_id };
  }

  /**
   * Takes away what tokens could come of, together with what the log is told of it: both happen, or neither. Without a
   * standing grant no token counts; {@link forgetTokens} takes them away as well.
   *
   * @param acknowledged the end reaches the log; when it throws, the grant stands as before
   */
  async end<T>(grantId: string, acknowledged: () => Promise<T>): Promise<T> {
    return this.database.transaction(async (manager) => {
      await manager.query('UPDATE protocol.grants SET ended_at = coalesce(ended_at, now()) WHERE grant_id = $1', [
        grantId,
      ]);
      return acknowledged();
    });
  }

  /** Apart from the end, for a rotation under way holds its token and waits for the grant. */
  async forgetTokens(grantId: string): Promise<void> {
    await this.database.query('DELETE FROM protocol.refresh_tokens WHERE grant_id = $1', [grantId]);
  }

  /**
   * All that a user agreed to and of which a token may live: also what ended within the life of an access token, so that
   * whoever ends it again waits as the first does. With `sessions`, what lasts only as long as one of them.
   */
  async livingOf(
    userId: string,
    sessions?: readonly Buffer[],
  ): Promise<readonly Pick<UserGrant, 'grantId' | 'applicationId'>[]> {
    const rows = await this.database.query<{ grant_id: string; application_id: string }>(
      `SELECT grant_id, application_id FROM protocol.grants
       WHERE user_id = $1 AND expires_at > now() AND (ended_at IS NULL OR ended_at > now() - make_interval(secs => $2))
         AND ($3::bytea[] IS NULL OR (duration <> 'offline' AND session = ANY ($3)))`,
      [userId, ACCESS_TOKEN_LIFE_MAX_S, sessions ?? null],
    );
    return rows.map((row) => ({ grantId: row.grant_id, applicationId: row.application_id }));
  }

  /** What of a user’s still brings tokens, the latest first. */
  async ofUser(userId: string): Promise<readonly UsedGrant[]> {
    const rows = await this.database.query<GrantRow & UseRow>(
      `SELECT grant_id, application_id, client_id, user_id, scopes, duration, context, session,
              consented_at, last_used_at, expires_at
       FROM protocol.grants
       WHERE user_id = $1 AND ended_at IS NULL AND expires_at > now() AND last_used_at IS NOT NULL
       ORDER BY consented_at DESC LIMIT 200`,
      [userId],
    );
    return rows.map((row) => ({
      ...grantOf(row.grant_id, row),
      consentedAt: row.consented_at,
      lastUsedAt: row.last_used_at,
      expiresAt: row.expires_at,
    }));
  }
}

/** A grant, of its row. */
export function grantOf(grantId: string, row: GrantRow): UserGrant {
  return {
    grantId,
    applicationId: row.application_id,
    clientId: row.client_id,
    userId: row.user_id,
    scopes: row.scopes,
    duration: row.duration,
    context: row.context,
    ...(row.session === null ? {} : { session: row.session }),
  };
}
