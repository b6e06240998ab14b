import { ReplayMemoryLost } from '#dpop';
import { AppendUnresolved, NotAppended } from '#event-log';
import { isDatabaseUnavailable, ProblemException } from '#host';
import { OwnerErased, VaultUnavailable } from '#vault';
import { errors } from 'oidc-provider';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { ClientRefused, ClientRequestMalformed } from '../authenticate-client/client-authentication.js';

/** An error in the words of RFC 6749, 5.2. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  constructor(
    readonly status: number,
    readonly code: string,
    description: string,
    options?: ErrorOptions,
  ) {
    super(description, options);
  }
}

/** An answer that says what went wrong (RFC 6749, 5.2). */
export interface OAuthErrorAnswer {
  readonly status: number;
  /** `Retry-After` with every 503, and the challenge that a 401 must have (RFC 9110, 15.5.2). */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: string; readonly error_description: string };
}

/** The answer to what was thrown; undefined for what has no name there: a failure of ours. */
export function oauthErrorAnswer(thrown: unknown): OAuthErrorAnswer | undefined {
  if (thrown instanceof OAuthError)
    return answer(thrown.status, thrown.code, thrown.message, thrown.code === 'invalid_token' ? bearer : {});
  if (thrown instanceof errors.OIDCProviderError && thrown.expose)
    return answer(thrown.statusCode, thrown.error, thrown.error_description ?? thrown.error);
  if (thrown instanceof ClientRefused) return answer(401, 'invalid_client', 'client authentication failed', basic);
  if (thrown instanceof ClientRequestMalformed) return answer(400, 'invalid_request', thrown.message);
  if (thrown instanceof ProblemException) return answerToProblem(thrown);
  return passes(thrown) ? unavailable : undefined;
}

/** What failed here, and why is for our log alone. */
export const failedHere = answer(500, 'server_error', 'it failed here');

/** RFC 6750, 3: of a bearer token that does not count, an initial or a registration access token as well (RFC 7591, 3; RFC 7592, 2). */
const bearer = { 'www-authenticate': 'Bearer error="invalid_token"' } as const;
const basic = { 'www-authenticate': 'Basic realm="oauth"' } as const;
const unavailable = answer(503, 'temporarily_unavailable', 'try again');

function answer(
  status: number,
  error: string,
  description: string,
  headers: Readonly<Record<string, string>> = {},
): OAuthErrorAnswer {
  const all = status === 503 ? { 'retry-after': '1', ...headers } : headers;
  return { status, headers: all, body: { error, error_description: description } };
}

/** A bearer token of the identity provider that does not count (RFC 6750, 3.1), and what could not be read of a request. */
function answerToProblem(problem: ProblemException): OAuthErrorAnswer | undefined {
  const status = problem.getStatus();
  if (status === 503) return unavailable;
  if (status >= 500) return undefined;
  const code = status === 401 ? 'invalid_token' : 'invalid_request';
  return answer(status === 415 ? 400 : status, code, problem.message, problem.headers);
}

/** What stands in the way for a while: a client asks again. */
function passes(thrown: unknown): boolean {
  return (
    thrown instanceof NotServing ||
    thrown instanceof NotAppended ||
    thrown instanceof AppendUnresolved ||
    thrown instanceof VaultUnavailable ||
    // Erased in the middle of it: they are somebody new when they ask again.
    thrown instanceof OwnerErased ||
    thrown instanceof ReplayMemoryLost ||
    isDatabaseUnavailable(thrown)
  );
}
