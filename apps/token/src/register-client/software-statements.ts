import { createHash } from 'node:crypto';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { clockTolerance } from '../authenticate-client/assertion-rules.js';
import { FetchRefused } from '../authenticate-client/guarded-fetch.js';
import type { RemoteKeySets } from '../authenticate-client/remote-key-sets.js';
import { OAuthError } from '../answer-oauth/oauth-error.js';
import type { StatementIssuer } from './statement-issuers.js';

/** What a statement may be signed with. None of these is symmetric, and `none` is not one (RFC 8725, 3.1 and 3.2). */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'];
/** In characters. */
const longestStatement = 16_384;
/** RFC 7591, 2: texts that people pass on, so printable and without spaces. */
const softwareIdSyntax = /^[\x21-\x7e]{1,200}$/;

/** A statement that was believed: who says what of which software. */
export interface BelievedStatement {
  readonly issuer: string;
  /** `software_id` (RFC 7591, 2). */
  readonly softwareId?: string;
  /** Of the statement as it was presented, in hexadecimal. */
  readonly sha256: string;
  /** Client metadata among them. */
  readonly claims: JWTPayload;
}

/** Software statements (RFC 7591, 2.3) of the issuers that are configured, each by its own keys alone. */
export class SoftwareStatements {
  private readonly issuers: ReadonlyMap<string, StatementIssuer>;

  /** @param audiences what `aud` may name, where a statement has it */
  constructor(
    issuers: readonly StatementIssuer[],
    private readonly remote: Pick<RemoteKeySets, 'keysNamed'>,
    private readonly audiences: readonly string[],
  ) {
    this.issuers = new Map(issuers.map((each) => [each.issuer, each]));
  }

  /**
   * Believes a statement, or says why not.
   *
   * @throws OAuthError `unapproved_software_statement` for an issuer that is not configured, `invalid_software_statement`
   * for a statement that does not hold (RFC 7591, 3.2.2); NotServing where its issuer's keys cannot be had now
   */
  async believe(presented: unknown): Promise<BelievedStatement> {
    if (this.issuers.size === 0) throw unapproved('software statements are not taken here');
    if (typeof presented !== 'string' || presented.length > longestStatement)
      throw invalid(`it must be a text of at most ${longestStatement} characters`);
    const { kid, typ, iss } = named(presented);
    if (typeof iss !== 'string') throw invalid('it must say who issued it: iss');
    const issuer = this.issuers.get(iss);
    if (issuer === undefined) throw unapproved('statements of its issuer are not taken here');
    if (typeof kid !== 'string') throw invalid('it must say which key signed it: kid');
    // A token of another kind is no statement (RFC 8725, 3.11).
    if (typ !== undefined && !/^(application\/)?(software-statement\+)?jwt$/i.test(typ))
      throw invalid('its typ is another');
    const claims = await this.verified(presented, issuer, kid);
    const softwareId = this.checked(claims)['software_id'];
    if (softwareId !== undefined && !(typeof softwareId === 'string' && softwareIdSyntax.test(softwareId)))
      throw invalid('software_id must be 1 to 200 printable characters');
    return {
      issuer: iss,
      ...(softwareId === undefined ? {} : { softwareId }),
      sha256: createHash('sha256').update(presented).digest('hex'),
      claims,
    };
  }

  /** The claims of a statement that a key of the issuer's signed and that is in its time, where it says one. */
  private async verified(statement: string, issuer: StatementIssuer, kid: string): Promise<JWTPayload> {
    const keys = await this.keysOf(issuer, kid);
    try {
      // Of its header nothing but `alg` and `kid` counts: no key, and no address of one.
      const keySet = createLocalJWKSet({ keys: keys.map((key) => ({ ...key })) });
      return (await jwtVerify(statement, keySet, { algorithms, issuer: issuer.issuer, clockTolerance })).payload;
    } catch (cause) {
      throw invalid('it does not verify', cause);
    }
  }

  private checked(claims: JWTPayload): JWTPayload {
    const { iat, aud } = claims;
    if (iat !== undefined && iat > Date.now() / 1000 + clockTolerance) throw invalid('iat must not lie ahead');
    if (aud !== undefined && ![aud].flat().some((one) => this.audiences.includes(one)))
      throw invalid('it is for another audience');
    return claims;
  }

  private async keysOf(issuer: StatementIssuer, kid: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    if (issuer.jwks !== undefined) return issuer.jwks.keys.filter((key) => key['kid'] === kid);
    try {
      return (await this.remote.keysNamed(issuer.jwksUri, kid)).map(({ jwk }) => jwk);
    } catch (cause) {
      if (cause instanceof FetchRefused) throw new NotServing('the keys of the issuer cannot be had', { cause });
      throw cause;
    }
  }
}

/** What a statement says of itself, before anything of it is believed. */
function named(statement: string) {
  try {
    const { kid, typ } = decodeProtectedHeader(statement);
    return { kid, typ, iss: decodeJwt(statement).iss };
  } catch (cause) {
    if (cause instanceof errors.JOSEError || cause instanceof TypeError) throw invalid('it is no signed JWT', cause);
    throw cause;
  }
}

function unapproved(fault: string): OAuthError {
  return new OAuthError(400, 'unapproved_software_statement', fault);
}

function invalid(fault: string, cause?: unknown): OAuthError {
  return new OAuthError(400, 'invalid_software_statement', `software_statement: ${fault}`, { cause });
}
