import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KnownOrigins } from '#access';
import { oauthPaths } from '#smart';
import { decodeJwt, errors as jose } from 'jose';
import { errors } from 'oidc-provider';
import type { AdmittedClients, AdmittedRequest, OpenAccess } from '../authenticate-client/admitted-clients.js';
import {
  ClientRefused,
  ClientRequestMalformed,
  type ClientAuthentication,
} from '../authenticate-client/client-authentication.js';
import { orUnavailable } from '../authorization-server/oauth-errors.js';
import type { GrantHandler, TokenResponse } from '../issue-token/grant-handler.js';
import { clientNamedIn } from '../issue-token/refresh-token-value.js';
import type { TokenFacts } from '../issue-token/token-facts.js';
import { proofSent, type ProvenKey } from '../prove-possession/possession.js';
import { answerPreflight, letPageRead, mustBePageOf } from './cross-origin.js';
import { sendAnswer, sendNotHere, sendOtherMethod } from '../answer-oauth/send-answer.js';
import { onceEach, readForm, type Form } from '../answer-oauth/form.js';

/** A grant that is served: who may use it, what it has beside the client's own parameters, and what answers it. */
export interface ServedGrant {
  readonly params: readonly string[];
  readonly isFor: (access: OpenAccess) => boolean;
  readonly answer: GrantHandler;
}

export interface TokenRequestMeans {
  /** `PUBLIC_URL`, which is the issuer. */
  readonly publicUrl: string;
  readonly clients: Pick<AdmittedClients, 'open'>;
  readonly origins: Pick<KnownOrigins, 'isOfAny'>;
  readonly authentication: Pick<ClientAuthentication, 'authenticate'>;
  readonly shown: ProvenKey;
  readonly facts: Pick<TokenFacts, 'refused'>;
  readonly grants: Readonly<Record<string, ServedGrant>>;
  /** Told of what failed here, and is answered 500. */
  readonly onFailure: (error: unknown) => void;
}

/** How a client says who it is (RFC 6749, 2.3.1; RFC 7523, 2.2). */
const clientParams = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'] as const;
/** RFC 6749, 3.3. */
const scopeSyntax = /^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/;

/** Answers requests below `/oauth/token`; `address` is where they come from, as far as that is believed. */
export type TokenRequests = (request: IncomingMessage, response: ServerResponse, address: string) => Promise<void>;

/** The token endpoint (RFC 6749, 3.2): who asks, for which grant, and what the answer is (docs/adr/0021). */
export function tokenRequests(means: TokenRequestMeans): TokenRequests {
  return async (request, response, address) => {
    if (request.url?.split('?', 1)[0] !== oauthPaths.token) return sendNotHere(response);
    if (request.method === 'OPTIONS') return answerPreflight(means.origins, request, response);
    if (request.method !== 'POST') return sendOtherMethod(response, 'POST, OPTIONS');
    letPageRead(means.origins, request.headers.origin, response);
    const told: Told = {};
    try {
      sendAnswer(response, 200, await answer(means, request, response, address, told));
    } catch (error) {
      // Nobody is left to answer.
      if (request.destroyed && !request.complete) return;
      refuse(means, request, response, address, told, error);
    }
  };
}

/** What of a request is known so far, for the record of its refusal. */
interface Told {
  form?: Form;
  access?: OpenAccess | undefined;
}

async function answer(
  means: TokenRequestMeans,
  request: IncomingMessage,
  response: ServerResponse,
  address: string,
  told: Told,
): Promise<TokenResponse> {
  const form = await readForm(request);
  told.form = form;
  const { origin, authorization } = request.headers;
  const sent = withName(onceEach(form, clientParams), form, authorization);
  const named = clientNamed(sent);
  told.access = await orUnavailable(async () => (named === undefined ? undefined : means.clients.open(named)));
  if (told.access !== undefined && origin !== undefined) mustBePageOf(told.access, origin, response);

  const admitted = await authenticated(means, { form: sent, authorization });
  told.access = admitted.access;
  if (origin !== undefined) mustBePageOf(admitted.access, origin, response);
  const { grant_type: type } = onceEach(form, ['grant_type']);
  if (type === undefined) throw new errors.InvalidRequest('grant_type is required');
  const grant = Object.hasOwn(means.grants, type) ? means.grants[type] : undefined;
  if (grant === undefined) throw new errors.UnsupportedGrantType();
  if (!grant.isFor(admitted.access)) throw new errors.UnauthorizedClient('this grant is not for this client');
  const params = onceEach(form, grant.params);
  if (params['scope'] !== undefined && !scopeSyntax.test(params['scope']))
    throw new errors.InvalidScope('there are characters in scope that none has', '');
  return grant.answer({ params, address }, await withProof(means, admitted, request, response));
}

/**
 * A refresh request that says nothing of its client is its refresh token's client's: SMART's has no `client_id` (App Launch
 * 2.2, 2.0.10). Who has to authenticate is refused all the same.
 */
function withName(
  sent: Readonly<Record<string, string | undefined>>,
  form: Form,
  authorization: string | undefined,
): Readonly<Record<string, string | undefined>> {
  if (authorization !== undefined || sent['client_id'] !== undefined || sent['client_assertion'] !== undefined)
    return sent;
  const { refresh_token: token } = form;
  const clientId = typeof token === 'string' ? clientNamedIn(token) : undefined;
  return clientId === undefined ? sent : { ...sent, client_id: clientId };
}

async function authenticated(
  { authentication }: TokenRequestMeans,
  sent: Parameters<ClientAuthentication['authenticate']>[0],
): Promise<AdmittedRequest> {
  try {
    return await orUnavailable(() => authentication.authenticate(sent));
  } catch (error) {
    if (error instanceof ClientRequestMalformed) throw new errors.InvalidRequest(error.message);
    if (error instanceof ClientRefused) throw new errors.InvalidClientAuth(error.message);
    throw error;
  }
}

/** The client, and the key that its request has shown to hold. */
async function withProof(
  { shown }: TokenRequestMeans,
  admitted: AdmittedRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<AdmittedRequest> {
  const jkt = await shown({
    proof: proofSent(request),
    method: 'POST',
    path: oauthPaths.token,
    offer: (nonce) => response.setHeader('dpop-nonce', nonce),
  });
  if (jkt !== undefined) return { ...admitted, jkt };
  // RFC 9449, 5.2: whatever the grant, and before anything of it is spent.
  if (admitted.access.dpopBoundAccessTokens === true)
    throw new errors.InvalidDpopProof('this client’s tokens are bound to a key: a proof of it is required');
  return admitted;
}

/** Whom a request says to be: believed by nobody. */
function clientNamed({ client_id: named, client_assertion: assertion }: Readonly<Record<string, string | undefined>>) {
  if (named !== undefined || assertion === undefined) return named;
  try {
    return decodeJwt(assertion).sub;
  } catch (error) {
    if (error instanceof jose.JOSEError) return undefined;
    throw error;
  }
}

function refuse(
  { facts, publicUrl, onFailure }: TokenRequestMeans,
  request: IncomingMessage,
  response: ServerResponse,
  address: string,
  { form = {}, access }: Told,
  error: unknown,
): void {
  const known = error instanceof errors.OIDCProviderError && error.expose ? error : undefined;
  if (known === undefined) {
    onFailure(error);
    return sendAnswer(response, 500, { error: 'server_error', error_description: 'it failed here' });
  }
  const { statusCode: status, error: code, error_description: description, error_detail: detail } = known;
  if (status === 503) response.setHeader('retry-after', '1');
  // What was not read of the body is not read now either.
  if (!request.complete) response.setHeader('connection', 'close');
  if (status === 401 && request.headers.authorization !== undefined)
    response.setHeader('www-authenticate', `Basic realm="${publicUrl}"`);
  const { grant_type: grantType } = form;
  if (status < 500)
    facts.refused(access?.applicationId, {
      clientId: (nameIn(form) ?? 'unknown').slice(0, 128),
      ...(typeof grantType === 'string' ? { grantType: grantType.slice(0, 100) } : {}),
      error: code,
      reason: detail ?? description ?? code,
      clientAddress: address,
    });
  sendAnswer(response, status, {
    error: code,
    ...(description === undefined ? {} : { error_description: description }),
  });
}

function nameIn({ client_id: id, client_assertion: assertion, refresh_token: token }: Form): string | undefined {
  const text = (value: Form[string]) => (typeof value === 'string' ? value : undefined);
  return clientNamed({ client_id: text(id) || clientNamedIn(text(token) ?? ''), client_assertion: text(assertion) });
}
