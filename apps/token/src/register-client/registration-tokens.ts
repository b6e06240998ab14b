import { randomBytes } from 'node:crypto';
import { isId } from '#contracts';
import { Database } from '#host';
import { Injectable } from '@nestjs/common';
import { digestOf } from '../authorization-server/provider-records.js';

/** Whose registration a token manages. */
export interface ManagedClient {
  readonly clientId: string;
  readonly applicationId: string;
  readonly ownerId: string;
  /** Nobody owns it yet: it came by open registration. */
  readonly unclaimed: boolean;
}

/** A token as it is shown, once. */
export interface GivenToken {
  readonly token: string;
  readonly expiresAt: string;
}

/**
 * Tokens by which clients register (RFC 7591, 3) and manage what they registered (RFC 7592): kept as hashes. Every method
 * throws `DatabaseUnavailable`.
 */
@Injectable()
export class RegistrationTokens {
  constructor(private readonly database: Database) {}

  /** An initial access token: who comes with it registers for its owner, `uses` times. */
  async give(ownerId: string, issuedBy: string, uses: number, lifeSeconds: number): Promise<GivenToken> {
    const token = newToken();
    await this.database.query('DELETE FROM protocol.initial_access_tokens WHERE expires_at < now()');
    const [row] = await this.database.query<{ expires_at: Date }>(
      `INSERT INTO protocol.initial_access_tokens (digest, owner_id, issued_by, uses_left, expires_at)
       VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5)) RETURNING expires_at`,
      [digestOf(token), ownerId, issuedBy, uses, lifeSeconds],
    );
    if (row === undefined) throw new Error('the token was not kept');
    return { token, expiresAt: row.expires_at.toISOString() };
  }

  /** Nobody registers for this owner any more, whatever token was given. */
  async takeBack(ownerId: string): Promise<void> {
    await this.database.query('DELETE FROM protocol.initial_access_tokens WHERE owner_id = $1', [ownerId]);
  }

  /**
   * The registration that a token manages. The one before the last counts until the last has been used; whoever has one
   * was answered.
   */
  async managed(clientId: string, token: string): Promise<ManagedClient | undefined> {
    if (!isId(clientId)) return undefined;
    const [row] = await this.database.query<{ application_id: string; owner_id: string; unclaimed: boolean }>(
      `UPDATE protocol.client_registrations
       SET previous = CASE WHEN digest = $2 THEN NULL ELSE previous END, unanswered_since = NULL
       WHERE client_id = $1 AND (digest = $2 OR previous = $2) RETURNING application_id, owner_id, unclaimed`,
      [clientId, digestOf(token)],
    );
    return row && { clientId, applicationId: row.application_id, ownerId: row.owner_id, unclaimed: row.unclaimed };
  }

  /** Another token in the place of the presented one, which counts until that has been used. */
  async rotate(clientId: string, presented: string): Promise<string> {
    const token = newToken();
    await this.database.query(
      'UPDATE protocol.client_registrations SET digest = $2, previous = $3 WHERE client_id = $1',
      [clientId, digestOf(token), digestOf(presented)],
    );
    return token;
  }

  /** Somebody has taken over a registration that nobody owned. */
  async claimed(clientId: string, ownerId: string): Promise<void> {
    await this.database.query(
      'UPDATE protocol.client_registrations SET owner_id = $2, unclaimed = false WHERE client_id = $1',
      [clientId, ownerId],
    );
  }

  /** Nothing manages it any more. */
  async forget(clientId: string): Promise<void> {
    await this.database.query('DELETE FROM protocol.client_registrations WHERE client_id = $1', [clientId]);
  }
}

/** 256 random bits. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}
