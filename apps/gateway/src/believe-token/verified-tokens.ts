import { hash } from 'node:crypto';
import { TOKEN_CLOCK_TOLERANCE_S } from '#contracts';
import type { FhirEndpoint } from '#fhir-endpoints';
import { createRemoteJWKSet, customFetch, errors, jwtVerify, type FetchImplementation, type RemoteJWKSet } from 'jose';
import { type AccessTokenClaims, isOver, readClaims } from './access-token-claims.js';

/** ES256 by default (security.md, Tokens); nothing symmetric, and not `none`. */
const ALGORITHMS = ['ES256', 'RS256'];
const REMEMBERED = 20_000;
/** How old the keys may be before they are asked for again: a key that was withdrawn stops to count after this. */
const KEYS_MAX_AGE_MS = 60_000;

/** The token is not one of ours, or has expired. `reason` may be told to the caller. */
export class TokenNotBelieved extends Error {
  override readonly name = 'TokenNotBelieved';
  readonly code = 'token-not-believed';
  constructor(
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(reason, options);
  }
}

/** The keys cannot be had now, so that nobody can say whether the token is one of ours. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
  readonly code = 'keys-unavailable';
}

/** Tokens as one endpoint believes them. */
export interface TokensOfEndpoint {
  /**
   * The claims of a token that is ours, for this endpoint, and has not expired.
   *
   * @throws TokenNotBelieved, KeysUnavailable
   */
  believe(token: string): Promise<AccessTokenClaims>;
}

type Endpoint = Pick<FhirEndpoint, 'id' | 'base'>;

interface Remembered {
  readonly claims: AccessTokenClaims;
  readonly kid: string;
}

/**
 * Believes access tokens by the keys of the token service. What is remembered is the verification of a signature
 * alone, by the hash of the whole token, and only as long as its key is published; who may do what is looked at on
 * every call, elsewhere.
 */
export class VerifiedTokens {
  readonly #keys: RemoteJWKSet;
  readonly #remembered = new Map<string, Remembered>();
  /** The `kid`s of the published keys; undefined until they were asked for. */
  #published: ReadonlySet<string | undefined> | undefined;
  #askedAt = -Infinity;

  constructor(
    private readonly options: {
      readonly jwksUrl: string;
      readonly issuer: string;
      /** The published keys could not be asked for again; those that are known go on. */
      readonly onStaleKeys: (error: unknown) => void;
      readonly fetch?: FetchImplementation;
    },
  ) {
    this.#keys = createRemoteJWKSet(new URL(options.jwksUrl), {
      timeoutDuration: 3_000,
      cooldownDuration: 2_000,
      cacheMaxAge: Infinity, // renewed below: a token service that is away must not stop calls
      ...(options.fetch ? { [customFetch]: options.fetch } : {}),
    });
  }

  /** The tokens that count at an endpoint. */
  at(endpoint: Endpoint): TokensOfEndpoint {
    return { believe: async (token) => await this.#believe(token, endpoint) };
  }

  async #believe(token: string, endpoint: Endpoint): Promise<AccessTokenClaims> {
    this.#renewKeys();
    const digest = hash('sha256', token, 'base64');
    const known = this.#remembered.get(digest);
    const isKnown = known && this.#published?.has(known.kid);
    const claims = isKnown ? known.claims : await this.#verify(token, digest, endpoint);
    // What was verified at another endpoint does not count here.
    if (claims.endpoint !== endpoint.id) throw new TokenNotBelieved('The token’s aud does not count here.');
    if (isOver(claims)) throw new TokenNotBelieved('The token has expired.');
    return claims;
  }

  async #verify(token: string, digest: string, endpoint: Endpoint): Promise<AccessTokenClaims> {
    this.#remembered.delete(digest);
    const { payload, protectedHeader } = await this.#verified(token, endpoint.base);
    const claims = readClaims(payload, endpoint.id);
    if (!claims) throw new TokenNotBelieved('The token’s claims are not those of an access token for this API.');
    const { kid } = protectedHeader;
    if (kid !== undefined) this.#remember(digest, { claims, kid });
    return claims;
  }

  async #verified(token: string, audience: string): ReturnType<typeof jwtVerify> {
    const { issuer } = this.options;
    try {
      return await jwtVerify(token, this.#keys, {
        issuer,
        audience,
        typ: 'at+jwt',
        algorithms: ALGORITHMS,
        clockTolerance: TOKEN_CLOCK_TOLERANCE_S,
        requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
      });
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new TokenNotBelieved('The token has expired.', { cause: error });
      if (error instanceof errors.JWTClaimValidationFailed) {
        throw new TokenNotBelieved(`The token’s ${error.claim} does not count here.`, { cause: error });
      }
      if (isAboutTheToken(error))
        throw new TokenNotBelieved('The token is not one of this service’s.', { cause: error });
      throw new KeysUnavailable('the keys of the token service cannot be had', { cause: error });
    } finally {
      this.#notePublished();
    }
  }

  #remember(digest: string, verified: Remembered): void {
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(digest, verified);
  }

  /** After the keys may have been asked for: what jose knows of them is copied at each look, too dear for every call. */
  #notePublished(): void {
    const known = this.#keys.jwks();
    this.#published = known && new Set(known.keys.map(({ kid }) => kid));
  }

  /** Asks for the keys again in the background, at most once in a while. */
  #renewKeys(): void {
    const now = performance.now();
    if (this.#published === undefined || now - this.#askedAt < KEYS_MAX_AGE_MS) return;
    this.#askedAt = now;
    this.#keys.reload().then(() => this.#notePublished(), this.options.onStaleKeys);
  }
}

function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported
  );
}
