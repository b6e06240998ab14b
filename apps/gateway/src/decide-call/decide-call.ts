import { coversEndpoint, type EffectiveAccess, tokenFault } from '#access';
import {
  decideInteraction,
  type Enforced,
  type FhirInteraction,
  intersect,
  parseScopes,
  type Reaches,
  type Scope,
  systemReaches,
} from '#smart';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import { asGranted, withOwnResource } from './own-resource.js';

/** What an enforcement point says to a call. */
export type CallDecision =
  | {
      readonly outcome: 'allow';
      readonly scopes: readonly Scope[];
      readonly granted: readonly Scope[];
      /** The request alone proves it: no answer has to be looked at. */
      readonly whole: boolean;
      /** The names of the rules that hold for the application. */
      readonly withheldBy?: readonly string[];
    }
  | {
      readonly outcome: 'deny';
      /** `token`: 401, the token counts no more. `scope`: 403. `request`: not one that we know, or can check. */
      readonly kind: 'token' | 'scope' | 'request';
      /** For the auditor. */
      readonly reason: string;
      /** For the caller: names rules, types and parameters, never values or ids. */
      readonly detail: string;
      readonly wouldAllow: readonly string[];
    }
  | {
      readonly outcome: 'deny';
      /** 429: the scopes were not at fault. */
      readonly kind: 'limit';
      readonly reason: string;
      readonly detail: string;
      readonly wouldAllow: readonly [];
      readonly retryAfterSeconds: number;
    };

/**
 * Decides a call from what is in force now: the token's standing, then the scopes that it has and that are approved
 * still, then the interaction. Pure; cheap enough to be asked again before each byte that leaves.
 *
 * @param access   the effective access of the token's application, at this moment
 * @param reaches  whose data the token's scopes can be about
 * @param enforced what the caller enforces beside the decision: writes are denied without
 */
export function decideCall(
  claims: AccessTokenClaims,
  access: EffectiveAccess | undefined,
  interaction: FhirInteraction,
  reaches: Reaches = systemReaches,
  enforced: Enforced = {},
): CallDecision {
  if (access?.clientId !== claims.clientId)
    return deadToken('the token’s application is not known', 'unknown application');
  const fault = tokenFault(access, claims);
  if (fault !== undefined) {
    const why = fault === 'closed' ? `closed: ${access.why ?? ''}` : fault;
    return deadToken('The token counts no more: access was closed or the token revoked.', why);
  }
  if (!coversEndpoint(access, claims.endpoint)) {
    return {
      outcome: 'deny',
      kind: 'scope',
      reason: 'the approval does not cover this endpoint',
      detail: 'The approval does not cover this endpoint.',
      wouldAllow: [],
    };
  }
  const had = grantedScopes(claims.scopes, access.scopes);
  const granted = withOwnResource(had, interaction, reaches);
  const decision = decideInteraction(granted, interaction, reaches, enforced);
  if (decision.outcome === 'allow') {
    const { whole } = decision;
    const scopes = granted === had ? decision.scopes : asGranted(decision.scopes, had);
    const allowed = { outcome: 'allow', scopes, granted, whole } as const;
    return reaches.withheld ? { ...allowed, withheldBy: reaches.withheld.names } : allowed;
  }
  const { reason, detail, wouldAllow } = decision;
  return {
    outcome: 'deny',
    kind: reason === 'not-granted' ? 'scope' : 'request',
    reason: `${reason}: ${detail}`,
    detail,
    wouldAllow,
  };
}

function deadToken(detail: string, reason: string): CallDecision {
  return { outcome: 'deny', kind: 'token', reason, detail, wouldAllow: [] };
}

const met = new WeakMap<readonly Scope[], WeakMap<readonly string[], readonly Scope[]>>();

/** What a token has and is approved still, worked out once for each token and approval: the same list as long as both are. */
function grantedScopes(had: readonly Scope[], approved: readonly string[]): readonly Scope[] {
  let byApproval = met.get(had);
  if (!byApproval) met.set(had, (byApproval = new WeakMap()));
  let granted = byApproval.get(approved);
  if (!granted) byApproval.set(approved, (granted = intersect(had, approvedScopes(approved))));
  return granted;
}

const parsed = new WeakMap<readonly string[], readonly Scope[]>();

/** The approved scopes, parsed once for each approval. A list that cannot be read approves nothing. */
function approvedScopes(texts: readonly string[]): readonly Scope[] {
  let scopes = parsed.get(texts);
  if (!scopes) {
    const result = parseScopes(texts);
    scopes = result.ok ? result.scopes : [];
    parsed.set(texts, scopes);
  }
  return scopes;
}
