import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { verifyAccessToken, type TokenIdentity, type TokenRules } from './access-token.js';
import { RememberedIdentities } from './remembered-identities.js';

/** The provider cannot be asked now; whether the token counts is not known. */
export class ProviderUnavailable extends Error {
  readonly code = 'ERR_PROVIDER_UNAVAILABLE';
  constructor(issuer: string, options?: ErrorOptions) {
    super(`the identity provider ${issuer} cannot be asked`, options);
    this.name = 'ProviderUnavailable';
  }
}

/** How long discovery is believed, in milliseconds. */
const discoveryLife = 60 * 60 * 1000;
/** How long a failed discovery is not repeated, in milliseconds: a flood of calls is not passed on to the provider. */
const discoveryPause = 1_000;
const timeout = 5_000;
const largestDocument = 256 * 1024;

/**
 * The OpenID provider whose tokens count. Discovery and keys are fetched when the first token needs them,
 * so that services start before their provider does; then they are cached, and an unknown key id asks for
 * the keys again, at most every 5 s.
 */
export class IdentityProvider {
  private readonly remembered = new RememberedIdentities();
  private keys: { readonly get: JWTVerifyGetKey; readonly until: number } | undefined;
  private discovering: Promise<JWTVerifyGetKey> | undefined;
  private failed: { readonly error: ProviderUnavailable; readonly until: number } | undefined;

  constructor(private readonly rules: TokenRules) {}

  /** Whom the token speaks for. Throws `TokenRefused` or `ProviderUnavailable`. */
  async verify(token: string): Promise<TokenIdentity> {
    return this.remembered.of(token, () =>
      verifyAccessToken(token, (header, input) => this.keyFor(header, input), this.rules),
    );
  }

  /** That no key fits is the token's fault; anything else on the way to the keys is the provider's. */
  private async keyFor(...of: Parameters<JWTVerifyGetKey>): Promise<Awaited<ReturnType<JWTVerifyGetKey>>> {
    const get = await this.currentKeys();
    try {
      return await get(...of);
    } catch (error) {
      if (
        error instanceof errors.JWKSNoMatchingKey ||
        error instanceof errors.JWKSMultipleMatchingKeys ||
        error instanceof errors.JOSENotSupported
      )
        throw error;
      throw new ProviderUnavailable(this.rules.issuer, { cause: error });
    }
  }

  private async currentKeys(): Promise<JWTVerifyGetKey> {
    const now = performance.now();
    if (this.keys !== undefined && this.keys.until > now) return this.keys.get;
    if (this.failed !== undefined && this.failed.until > now) {
      if (this.keys !== undefined) return this.keys.get;
      throw this.failed.error;
    }
    this.discovering ??= this.discover().finally(() => {
      this.discovering = undefined;
    });
    return this.discovering;
  }

  private async discover(): Promise<JWTVerifyGetKey> {
    try {
      const url = new URL(await this.keysUrl());
      const get = createRemoteJWKSet(url, {
        cooldownDuration: 5_000,
        cacheMaxAge: 10 * 60 * 1000,
        timeoutDuration: timeout,
      });
      this.keys = { get, until: performance.now() + discoveryLife };
      this.failed = undefined;
      return get;
    } catch (error) {
      const unavailable = new ProviderUnavailable(this.rules.issuer, { cause: error });
      this.failed = { error: unavailable, until: performance.now() + discoveryPause };
      // What was discovered before still counts: keys do not change because the provider is away.
      if (this.keys !== undefined) return this.keys.get;
      throw unavailable;
    }
  }

  /** OpenID Connect Discovery §4: the document must name the very issuer that was asked. */
  private async keysUrl(): Promise<string> {
    const response = await fetch(`${this.rules.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
      redirect: 'error',
      signal: AbortSignal.timeout(timeout),
      headers: { accept: 'application/json' },
    });
    if (!response.ok) throw new Error(`discovery answered ${response.status}`);
    const text = await response.text();
    if (text.length > largestDocument) throw new Error('the discovery document is too large');
    const document: unknown = JSON.parse(text);
    if (typeof document !== 'object' || document === null) throw new Error('the discovery document is no object');
    if (!('issuer' in document) || document.issuer !== this.rules.issuer)
      throw new Error('the discovery document names another issuer');
    if (!('jwks_uri' in document) || typeof document.jwks_uri !== 'string')
      throw new Error('the discovery document names no keys');
    if (this.rules.issuer.startsWith('https:') && !document.jwks_uri.startsWith('https:'))
      throw new Error('the keys are not served by https');
    return document.jwks_uri;
  }
}
