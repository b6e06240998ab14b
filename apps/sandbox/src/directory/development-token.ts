import { SignJWT, importJWK } from 'jose';
import { randomUUID } from 'node:crypto';
import { accessTokenLife, claimsOf, type DirectoryOptions } from './directory-provider.js';
import type { Person } from './people.js';

/** What `POST /development-token` answers: an access token as if the person had signed in on the command line. */
export interface DevelopmentToken {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  /** In seconds. */
  readonly expires_in: number;
}

/** Mints an access token (RFC 9068) for a person without a sign-in. */
export async function developmentToken(
  person: Person,
  { issuer, audience, keys }: DirectoryOptions,
): Promise<DevelopmentToken> {
  const { kid } = keys.accessToken;
  if (kid === undefined) throw new Error('the key of access tokens has no id');
  const token = await new SignJWT({ ...claimsOf(person), client_id: 'gatehouse-cli' })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(person.email)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(`${accessTokenLife} s`)
    .sign(await importJWK(keys.accessToken, 'ES256'));
  return { access_token: token, token_type: 'Bearer', expires_in: accessTokenLife };
}
