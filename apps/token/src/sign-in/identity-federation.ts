import { BaseConfig, isLoopbackUrl } from '#host';
import { Injectable } from '@nestjs/common';
import { createRemoteJWKSet, jwtVerify, type JWTPayload, type JWTVerifyResult, errors, type RemoteJWKSet } from 'jose';
import * as client from 'openid-client';
import { TokenConfig } from '../token.config.js';

/** How long the provider's own description is believed, in milliseconds. */
const describedForMs = 3_600_000;
/** How long the provider may take to answer, in seconds. */
const patience = 5;

/** Somebody who has signed in at the provider. */
export interface SignedIn {
  readonly issuer: string;
  readonly subject: string;
  readonly name?: string;
  readonly email?: string;
  /** As the configured claim has it. */
  readonly fhirUser?: string;
  /** The provider's name of the session there (`sid`), where it has one. */
  readonly session?: string;
}

/** A sign-in that was begun: what the answer is checked by. */
export interface BegunSignIn {
  readonly url: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** The provider did not answer, or what it answered does not hold. */
export class SignInFailed extends Error {
  override readonly name = 'SignInFailed';
  readonly code = 'sign-in-failed';
}

interface ProviderKeys {
  readonly address: string;
  readonly set: RemoteJWKSet;
}

/**
 * Sign-in at the OpenID provider of the deployment (OpenID Connect Core 1.0, 3.1): authorization code with PKCE, state
 * and nonce; the id_token's signature is checked with the provider's keys, which are fetched again for an unknown `kid`.
 */
@Injectable()
export class IdentityFederation {
  private described: { readonly configuration: Promise<client.Configuration>; readonly at: number } | undefined;
  private keys: ProviderKeys | undefined;
  /** The same keys for what anybody may send: an unknown `kid` is worth a question only now and then. */
  private guardedKeys: ProviderKeys | undefined;
  private readonly redirectUri: string;

  constructor(
    private readonly base: BaseConfig,
    private readonly config: TokenConfig,
  ) {
    this.redirectUri = `${base.publicUrl}/oauth/sign-in/callback`;
  }

  /** @throws SignInFailed when the provider cannot be asked */
  async begin(again: boolean): Promise<BegunSignIn> {
    const configuration = await this.configuration();
    const [state, nonce, verifier] = [client.randomState(), client.randomNonce(), client.randomPKCECodeVerifier()];
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: this.redirectUri,
      scope: 'openid profile email fhirUser',
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(again ? { prompt: 'login' } : {}),
    });
    return { url: url.href, state, nonce, verifier };
  }

  /**
   * @param query what the provider sent back, as it stands in the URL
   * @throws SignInFailed
   */
  async finish(query: string, begun: Pick<BegunSignIn, 'state' | 'nonce' | 'verifier'>): Promise<SignedIn> {
    const configuration = await this.configuration();
    try {
      const tokens = await client.authorizationCodeGrant(configuration, new URL(`${this.redirectUri}?${query}`), {
        pkceCodeVerifier: begun.verifier,
        expectedState: begun.state,
        expectedNonce: begun.nonce,
        idTokenExpected: true,
      });
      const { iss, sub, ...claims } = await this.signedIn(configuration, tokens.id_token);
      if (iss === undefined || sub === undefined) throw new SignInFailed('the id_token names nobody');
      const text = (name: string): string | undefined => {
        const value: unknown = claims[name];
        return typeof value === 'string' ? value : undefined;
      };
      const [name, email, fhirUser] = [text('name'), text('email'), text(this.config.fhirUserClaim)];
      const session = text('sid');
      return {
        issuer: iss,
        subject: sub,
        ...(name === undefined ? {} : { name }),
        ...(email === undefined ? {} : { email }),
        ...(fhirUser === undefined ? {} : { fhirUser }),
        ...(session === undefined ? {} : { session }),
      };
    } catch (cause) {
      if (cause instanceof SignInFailed) throw cause;
      throw new SignInFailed('the provider’s answer does not hold', { cause });
    }
  }

  /**
   * What a token of the provider's for us says that anybody may have sent, such as a logout token; undefined where it does
   * not hold.
   *
   * @throws SignInFailed when the provider cannot be asked
   */
  async believe(jwt: string): Promise<JWTVerifyResult | undefined> {
    const address = keysOf(await this.configuration());
    if (this.guardedKeys?.address !== address)
      this.guardedKeys = {
        address,
        set: createRemoteJWKSet(new URL(address), { timeoutDuration: patience * 1_000 }),
      };
    try {
      return await this.verified(jwt, this.guardedKeys);
    } catch (cause) {
      if (isAboutTheToken(cause)) return undefined;
      throw new SignInFailed('the provider’s keys cannot be had', { cause });
    }
  }

  /** openid-client has checked the claims; the signature is checked here, with keys that are asked for again at once. */
  private async signedIn(configuration: client.Configuration, idToken: string | undefined): Promise<JWTPayload> {
    if (idToken === undefined) throw new SignInFailed('the provider sent no id_token');
    const address = keysOf(configuration);
    if (this.keys?.address !== address) {
      // Only who has a code of the provider's comes here, so that an unknown key is always worth a question.
      const options = { cooldownDuration: 0, timeoutDuration: patience * 1_000 };
      this.keys = { address, set: createRemoteJWKSet(new URL(address), options) };
    }
    return (await this.verified(idToken, this.keys)).payload;
  }

  private async verified(jwt: string, { set }: ProviderKeys): Promise<JWTVerifyResult> {
    const { identityIssuer: issuer, identityAlgs: algorithms, identityClockSkew: clockTolerance } = this.base;
    return jwtVerify(jwt, set, { issuer, audience: this.config.signInClientId, algorithms, clockTolerance });
  }

  private async configuration(): Promise<client.Configuration> {
    if (this.described === undefined || this.described.at + describedForMs < Date.now())
      this.described = { configuration: this.discover(), at: Date.now() };
    try {
      return await this.described.configuration;
    } catch (cause) {
      this.described = undefined;
      throw new SignInFailed('the provider does not describe itself', { cause });
    }
  }

  private discover(): Promise<client.Configuration> {
    const { identityIssuer, development } = this.base;
    const { signInClientId, signInClientSecret } = this.config;
    const plain = development && isLoopbackUrl(identityIssuer) ? [client.allowInsecureRequests] : [];
    return client.discovery(
      new URL(identityIssuer),
      signInClientId,
      undefined,
      signInClientSecret === undefined ? client.None() : client.ClientSecretPost(signInClientSecret),
      { execute: plain, timeout: patience },
    );
  }
}

function keysOf(configuration: client.Configuration): string {
  const { jwks_uri: address } = configuration.serverMetadata();
  if (address === undefined) throw new SignInFailed('the provider publishes no keys');
  return address;
}

/** Told apart from keys that cannot be had. */
function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || error.code === 'ERR_JOSE_GENERIC')
  );
}
