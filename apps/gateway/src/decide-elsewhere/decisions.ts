import type { EffectiveAccess } from '#access';
import { correlationId, unavailable } from '#host';
import { type FhirInteraction, readRequest } from '#smart';
import { Inject, Injectable } from '@nestjs/common';
import type { CallRights } from '../ask-rights/call-rights.js';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import { KeysUnavailable, TokenNotBelieved } from '../believe-token/verified-tokens.js';
import { type CallDecision, decideCall } from '../decide-call/decide-call.js';
import { NotProven, ProofsUnavailable, type Scheme } from '../prove-possession/possession.js';
import { CallRecords, NotRecorded } from '../proxy/call-records.js';
import type { EndpointMeans } from '../proxy/gateway-means.js';
import { type FhirError, invalidToken, notProven } from '../proxy/operation-outcome.js';
import { tooManyCalls, toldOf } from '../proxy/tell-refusal.js';
import { GatewayPoint } from '../proxy/gateway-point.js';
import type { JudgingPoint } from '../proxy/in-force.js';
import { rightsOfCall } from '../user-rights/rights-of-call.js';

/** A request that somebody else holds, and asks whether to let in. */
export interface HeldRequest {
  /** The access token that came with it. */
  readonly token: string;
  /** How the token came; undefined where whoever asks does not say. */
  readonly scheme?: Scheme | undefined;
  /** The proof that came with it, in a header `DPoP`. */
  readonly proof?: string | undefined;
  readonly method: string;
  /** Below the FHIR base, as sent. */
  readonly path: string;
  readonly query: string;
}

/** What is said of it. `reason` is for the enforcement point: it names rules, types and parameters. */
export interface ElsewhereDecision {
  readonly allowed: boolean;
  /** The HTTP status that fits a refusal. */
  readonly status: 200 | 401 | 403 | 429;
  readonly reason: string;
  /** Of the audit record; absent where there is none to wait for. */
  readonly position?: string;
  /** Where the application asks too often: when it may again. */
  readonly retryAfterSeconds?: number;
  /** What the next proof of the caller needs to hold, where it lacked one (RFC 9449, 9). */
  readonly nonce?: string;
  /** For the caller, as `WWW-Authenticate`: what the gateway itself would tell it (RFC 6750, 3; RFC 9449, 7.1). */
  readonly challenge?: string;
}

/** The answer has to be looked at, and whoever asks would not. */
const requiresGateway: CallDecision = {
  outcome: 'deny',
  kind: 'request',
  reason: 'requires-gateway',
  detail: 'requires-gateway',
  wouldAllow: [],
};

/** What a caller is challenged with; nothing where no other token would do. */
export function challengeIn({ headers }: FhirError): Pick<ElsewhereDecision, 'challenge'> {
  const challenge = headers['WWW-Authenticate'];
  return challenge === undefined ? {} : { challenge };
}

/** A decision, what of the access was looked at, and what others have to say of the call. */
interface Judged {
  readonly decision: CallDecision;
  readonly access: EffectiveAccess | undefined;
  readonly rights: CallRights | undefined;
}

/** A decision that is on record. It is asked for as its answer leaves: what is in force by then counts. */
export type RecordedDecision = () => ElsewhereDecision;

/** What decisions elsewhere are taken with. */
export type DecidesWith = Pick<
  EndpointMeans,
  'rights' | 'admissions' | 'withheld' | 'records' | 'limiter' | 'limits'
> & {
  readonly endpoint: Pick<EndpointMeans['endpoint'], 'base'>;
  readonly tokens: Pick<EndpointMeans['tokens'], 'believe'>;
  readonly possession: Pick<EndpointMeans['possession'], 'check' | 'nonce'>;
};

/**
 * Decisions without an answer to look at: allowed only where the request alone proves it. The same code, the same
 * records as for the calls that go through here.
 */
@Injectable()
export class Decisions {
  constructor(@Inject(GatewayPoint) private readonly gateway: { readonly point: JudgingPoint }) {}

  /**
   * Decides, and records it. Throws a 503 without a lease, without keys, or when the decision cannot be recorded; what it
   * gives throws one when the lease was lost meanwhile.
   */
  async decide(
    { token, scheme, proof, method, path, query }: HeldRequest,
    means: DecidesWith,
  ): Promise<RecordedDecision> {
    const { endpoint, tokens, possession, records } = means;
    const about = { method, correlationId: correlationId() ?? 'none' };
    try {
      const claims = await tokens.believe(token);
      await possession.check(claims, { token, scheme, proof, method, url: endpoint.base + path });
      const interaction = readRequest({ method, path, query, headers: {} });
      const { decision: judged, access, rights } = this.judge(claims, interaction, means);
      const decision = tooMany(judged, claims, access, means) ?? judged;
      const callId = CallRecords.newCallId();
      const call = { callId, claims, interaction, ...about, ...(rights ? { rights } : {}) };
      const position = await records.decided(call, decision, access, statusOf(decision));
      return () => {
        const now = decision.outcome === 'allow' ? this.judge(claims, interaction, means).decision : decision;
        const reason = now.outcome === 'allow' ? 'the scopes allow it' : now.detail;
        const again =
          now.outcome === 'deny' && now.kind === 'limit' ? { retryAfterSeconds: now.retryAfterSeconds } : {};
        const told = now.outcome === 'deny' ? challengeIn(toldOf(now, claims)) : {};
        return { allowed: now.outcome === 'allow', status: statusOf(now), reason, position, ...again, ...told };
      };
    } catch (error) {
      if (error instanceof TokenNotBelieved) {
        await records.unbelieved(about, error.reason, 401);
        const told = challengeIn(invalidToken(error.reason));
        return () => ({ allowed: false, status: 401, reason: error.reason, ...told });
      }
      if (error instanceof NotProven) {
        await records.unbelieved(about, error.reason, 401);
        const nonce = error.error === 'use_dpop_nonce' ? { nonce: possession.nonce() } : {};
        const told = challengeIn(notProven(error, possession.nonce()));
        return () => ({ allowed: false, status: 401, reason: error.reason, ...nonce, ...told });
      }
      if (error instanceof KeysUnavailable || error instanceof ProofsUnavailable)
        throw unavailable('Tokens cannot be checked now.', 2, error);
      if (error instanceof NotRecorded) throw unavailable('The decision could not be recorded.', 2, error);
      throw error;
    }
  }

  /** By what is in force now. */
  private judge(
    claims: AccessTokenClaims,
    interaction: FhirInteraction,
    { endpoint, rights: ofUsers, admissions, withheld }: DecidesWith,
  ): Judged {
    const { point } = this.gateway;
    if (!point.holdsLease()) throw unavailable('This instance is not up to date with what is in force.', 2);
    const access = point.access.byApplicationId(claims.applicationId, Date.now());
    const purposes = access?.purposesOfUse;
    const admitted = admissions.of(claims.clientId, purposes ?? []);
    const { reaches, rights } = rightsOfCall(claims, ofUsers, [endpoint.base], purposes, admitted);
    const decided = decideCall(claims, access, interaction, withheld.from(reaches, purposes));
    // What the FHIR server is told of who acts, it is told by this gateway alone.
    const isProven = decided.outcome === 'allow' && decided.whole && !(rights?.identity && decided.scopes.length > 0);
    return { decision: decided.outcome === 'allow' && !isProven ? requiresGateway : decided, access, rights };
  }
}

/**
 * A call counts for the same, wherever it is let in: here, where it is not for the gateway, which would count it. How long it is under
 * way is not known here.
 */
function tooMany(
  judged: CallDecision,
  { applicationId }: AccessTokenClaims,
  access: EffectiveAccess | undefined,
  { limiter, limits }: DecidesWith,
): CallDecision | undefined {
  if (judged === requiresGateway || (judged.outcome === 'deny' && judged.kind === 'token')) return undefined;
  const { concurrentCalls: _underWay, ...counted } = { ...limits, ...access?.limits };
  const entered = limiter.enter(applicationId, counted);
  if (typeof entered !== 'function') return tooManyCalls(entered);
  entered();
  return undefined;
}

function statusOf(decision: CallDecision): ElsewhereDecision['status'] {
  if (decision.outcome === 'allow') return 200;
  if (decision.kind === 'limit') return 429;
  return decision.kind === 'token' ? 401 : 403;
}
