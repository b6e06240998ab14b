import type { AdmittedRequest } from '../authenticate-client/admitted-clients.js';

/** A token request of a client that was authenticated. */
export interface TokenRequest {
  /** What the grant has (RFC 6749, 4.1.3, 4.4.2 and 6), each once; an empty one is none. */
  readonly params: Readonly<Record<string, string | undefined>>;
  /** Where it came from, as far as that is believed. */
  readonly address: string;
}

/** A token response (RFC 6749, 5.1). */
export type TokenResponse = Readonly<Record<string, unknown>>;

/** Answers a grant at the token endpoint. Throws the errors of RFC 6749, 5.2, as oidc-provider has them. */
export type GrantHandler = (asked: TokenRequest, admitted: AdmittedRequest) => Promise<TokenResponse>;
