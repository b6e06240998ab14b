import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { importJWK, SignJWT, type JWK } from 'jose';
import { Agent, request } from 'undici';
import type { CredentialSettings } from './endpoint-parts.js';
import { CredentialUnavailable, type UpstreamTls } from './upstream-access.js';

type BackendSettings = Extract<CredentialSettings, { readonly kind: 'smart-backend' }>;

/** How long an assertion lives, and how long before its end a token is not used any more: seconds. */
const lives = { assertion: 60, spare: 15 } as const;
const ANSWER_AT_MOST = 65_536;
const TIMEOUT_MS = 10_000;

interface Held {
  readonly authorization: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/**
 * The access token of this program at a FHIR server's own authorization server (SMART App Launch 2.2, Backend Services):
 * asked for when there is none, by one request for all who wait.
 */
export class BackendToken {
  readonly #agent: Agent;
  readonly #key: JWK;
  #held: Held | undefined;
  #asking: Promise<string> | undefined;

  constructor(
    private readonly settings: BackendSettings,
    tls: UpstreamTls,
  ) {
    this.#key = JSON.parse(readFileSync(settings.keyFile, 'utf8')) as JWK;
    this.#agent = new Agent({ connections: 1, maxResponseSize: ANSWER_AT_MOST, connect: { ...tls } });
  }

  authorization(): string | Promise<string> {
    if (this.#held !== undefined && this.#held.until > Date.now()) return this.#held.authorization;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  refused(authorization: string): void {
    if (this.#held?.authorization === authorization) this.#held = undefined;
  }

  async #ask(): Promise<string> {
    const { tokenUrl, scope } = this.settings;
    try {
      const { statusCode, body } = await request(tokenUrl, {
        dispatcher: this.#agent,
        method: 'POST',
        reset: true,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          scope,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: await this.#assertion(),
        }).toString(),
      });
      const answer: unknown = await body.json();
      if (statusCode !== 200 || typeof answer !== 'object' || answer === null)
        throw new CredentialUnavailable(`the authorization server of the FHIR server answered ${statusCode}`);
      const given = answer as { readonly access_token?: unknown; readonly expires_in?: unknown };
      if (typeof given.access_token !== 'string' || !/^[A-Za-z0-9\-._~+/]+=*$/.test(given.access_token))
        throw new CredentialUnavailable('the authorization server of the FHIR server gave no bearer token');
      const life = typeof given.expires_in === 'number' ? given.expires_in : lives.assertion;
      const authorization = `Bearer ${given.access_token}`;
      this.#held = { authorization, until: Date.now() + Math.max(1, life - lives.spare) * 1000 };
      return authorization;
    } catch (cause) {
      if (cause instanceof CredentialUnavailable) throw cause;
      throw new CredentialUnavailable('the authorization server of the FHIR server did not answer', { cause });
    }
  }

  async #assertion(): Promise<string> {
    const { clientId, tokenUrl } = this.settings;
    const { alg = 'RS384', kid = '' } = this.#key;
    return await new SignJWT()
      .setProtectedHeader({ alg, kid, typ: 'JWT' })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(tokenUrl)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime(`${lives.assertion} s`)
      .sign(await importJWK(this.#key, alg));
  }
}
