import { noTokenIn, readAuthorization } from '../believe-token/believe-caller.js';
import type { AtEndpoint } from '../proxy/gateway-means.js';
import { challengeIn, type Decisions, type ElsewhereDecision } from './decisions.js';

/** A request that a proxy holds, with what its caller showed. */
export interface ProxiedRequest extends AtEndpoint {
  readonly method: string;
  readonly authorization: string | undefined;
  /** `DPoP`, of a token that is bound to a key. */
  readonly proof: string | undefined;
}

/** What a proxy is told: by the status whether to let a request in; the reason is for the proxy's own log. */
export interface ProxyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Decides a request that a proxy holds. Throws a 503 where nobody can say. */
export async function answerProxy(
  decisions: Decisions,
  { means, target, method, authorization, proof }: ProxiedRequest,
): Promise<ProxyAnswer> {
  const given = readAuthorization(authorization ?? '');
  const held = { method, ...target, proof: proof === '' ? undefined : proof };
  const { status, reason, nonce, retryAfterSeconds, challenge }: Omit<ElsewhereDecision, 'allowed'> = given
    ? (await decisions.decide({ ...held, ...given }, means))()
    : { status: 401, reason: 'no token', ...challengeIn(noTokenIn(authorization)) };
  return {
    status,
    headers: {
      ...(challenge === undefined ? {} : { 'WWW-Authenticate': challenge }),
      ...(nonce === undefined ? {} : { 'DPoP-Nonce': nonce }),
      ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': `${retryAfterSeconds}` }),
      'Gatehouse-Reason': reason.replaceAll(/[^\x20-\x7e]/g, '?'),
    },
  };
}
