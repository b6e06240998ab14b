import { randomBytes } from 'node:crypto';

const form = /^[\w-]{43}\.([\x21-\x7e]{1,128})$/;

/** A new refresh token: 256 random bits, and whose it is. */
export function newRefreshToken(clientId: string): string {
  return `${randomBytes(32).toString('base64url')}.${clientId}`;
}

/**
 * Whose a refresh token says it is; believed by nobody without the token's record. SMART's refresh request (App Launch
 * 2.2, 2.0.10) has no `client_id`, and public applications send none.
 */
export function clientNamedIn(token: string): string | undefined {
  return form.exec(token)?.[1];
}
