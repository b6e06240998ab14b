import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { roles as knownRoles, type Role } from './caller.js';

/** Which access tokens count; from the configuration (security.md, Who is believed). */
export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  /** Header `typ` values, without `application/`. */
  readonly types: readonly string[];
  readonly algorithms: readonly string[];
  readonly rolesClaim: string;
  /** How far the clocks may differ, in seconds. */
  readonly clockSkew: number;
  /** What reviewers and operators need, where not empty. */
  readonly acr: readonly string[];
  readonly amr: readonly string[];
}

/** Whom a valid token speaks for. */
export interface TokenIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly name?: string;
  readonly email?: string;
  readonly roles: readonly Role[];
  /** Roles that the token names and that do not count, because the sign-in was too weak for them. */
  readonly withheld: readonly Role[];
  /** When the token ends, the allowed difference of clocks included; milliseconds since 1970. */
  readonly expiresAt: number;
}

/** The token does not count. `reason` may be told to the caller: it names the rule and nothing of the token. */
export class TokenRefused extends Error {
  readonly code = 'ERR_TOKEN_REFUSED';
  constructor(
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(reason, options);
    this.name = 'TokenRefused';
  }
}

/**
 * Verifies an administrative access token: RFC 9068 §4 with the rules given. Throws `TokenRefused`; errors
 * of `keys` that are not about the token (the provider cannot be reached) pass through.
 */
export async function verifyAccessToken(
  token: string,
  keys: JWTVerifyGetKey,
  rules: TokenRules,
): Promise<TokenIdentity> {
  refuseByHeader(token, rules);
  const payload = await verified(token, keys, rules);
  refuseIdToken(payload);
  refuseBound(payload);
  const named = rolesIn(payload, rules.rolesClaim);
  const strong = isStrongSignIn(payload, rules);
  const counts = (role: Role) => strong || (role !== 'reviewer' && role !== 'operator');
  const { sub, iss, exp, name, email } = payload;
  if (typeof sub !== 'string' || sub === '' || typeof iss !== 'string' || typeof exp !== 'number')
    throw new TokenRefused('The token names no subject.');
  return {
    issuer: iss,
    subject: sub,
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof email === 'string' ? { email } : {}),
    roles: named.filter(counts),
    withheld: named.filter((role) => !counts(role)),
    expiresAt: (exp + rules.clockSkew) * 1000,
  };
}

/** Checked before any key is looked for, so that a token of another kind costs the provider no request. */
function refuseByHeader(token: string, rules: TokenRules): void {
  let header: ReturnType<typeof decodeProtectedHeader>;
  try {
    header = decodeProtectedHeader(token);
  } catch (error) {
    throw new TokenRefused('The token is not a signed JWT.', { cause: error });
  }
  if (typeof header.alg !== 'string' || !rules.algorithms.includes(header.alg)) {
    throw new TokenRefused('The token’s algorithm is not one that counts here.');
  }
  const type = typeof header.typ === 'string' ? header.typ.toLowerCase().replace(/^application\//, '') : '';
  if (!rules.types.some((allowed) => allowed.toLowerCase() === type))
    throw new TokenRefused('The token’s typ is not that of an access token.');
}

async function verified(token: string, keys: JWTVerifyGetKey, rules: TokenRules): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: rules.issuer,
      audience: rules.audience,
      algorithms: [...rules.algorithms],
      clockTolerance: rules.clockSkew,
      requiredClaims: ['exp', 'sub', 'iss', 'aud'],
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new TokenRefused('The token has expired.', { cause: error });
    if (error instanceof errors.JWTClaimValidationFailed)
      throw new TokenRefused(`The token’s ${error.claim} does not count here.`, { cause: error });
    if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
      throw new TokenRefused('The token’s key is not one of its issuer’s.', { cause: error });
    }
    if (error instanceof errors.JWSSignatureVerificationFailed)
      throw new TokenRefused('The token’s signature is not its issuer’s.', { cause: error });
    if (
      error instanceof errors.JWTInvalid ||
      error instanceof errors.JWSInvalid ||
      error instanceof errors.JOSENotSupported ||
      error instanceof errors.JOSEAlgNotAllowed
    ) {
      throw new TokenRefused('The token is not a signed JWT that this service reads.', { cause: error });
    }
    throw error;
  }
}

/** Where a provider gives both kinds one `typ`, these claims still tell an id_token (OpenID Connect Core §2, §3.3.2.11; Keycloak's `typ`). */
function refuseIdToken(payload: JWTPayload): void {
  if (
    ['nonce', 'at_hash', 'c_hash', 's_hash'].some((claim) => payload[claim] !== undefined) ||
    payload['typ'] === 'ID'
  ) {
    throw new TokenRefused('An id_token is not an access token.');
  }
}

/** A token bound to a key (RFC 9449, RFC 8705) sent as a plain bearer token has lost its binding, perhaps to a thief. */
function refuseBound(payload: JWTPayload): void {
  if (payload['cnf'] !== undefined)
    throw new TokenRefused('The token is bound to a key; this API takes plain bearer tokens.');
}

function isStrongSignIn(payload: JWTPayload, rules: TokenRules): boolean {
  const acr = payload['acr'];
  const amr = payload['amr'];
  const strongAcr = rules.acr.length === 0 || (typeof acr === 'string' && rules.acr.includes(acr));
  const strongAmr =
    rules.amr.length === 0 ||
    (Array.isArray(amr) && amr.some((method) => typeof method === 'string' && rules.amr.includes(method)));
  return strongAcr && strongAmr;
}

/** The known roles under a claim of that name, or under that path of claims; a list, or words separated by spaces. */
function rolesIn(payload: JWTPayload, claim: string): readonly Role[] {
  const value = own(payload, claim) ?? claim.split('.').reduce<unknown>((at, part) => own(at, part), payload);
  const words: readonly unknown[] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  return knownRoles.filter((role) => words.includes(role));
}

function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
