import type { CampaignEvidence, CampaignItem } from '#contracts';
import { covers, parseScope } from '#smart';

/** An open access and how it was used within the window, as the projection knows it. */
export interface AccessInUse {
  readonly application_id: string;
  readonly name: string;
  readonly owner_id: string;
  readonly scopes: readonly string[];
  readonly approval_version: number;
  readonly approved_at: Date;
  readonly expires_at: Date;
  readonly tokens: number;
  readonly allowed: number;
  readonly denied: number;
  /** The last call that was let in, however long ago. */
  readonly last_used_at: Date | null;
  /** Scopes under which calls were let in. */
  readonly used_scopes: readonly string[];
}

const DAY_MS = 86_400_000;

/** What is known of an access: the window is the last `windowDays`, or less when it was approved later. */
export function evidenceOf(access: AccessInUse, windowDays: number, now: number): CampaignEvidence {
  const age = Math.max(0, Math.floor((now - access.approved_at.getTime()) / DAY_MS));
  return {
    approvalVersion: access.approval_version,
    expiresAt: access.expires_at.toISOString(),
    tokensIssued: access.tokens,
    callsAllowed: access.allowed,
    callsDenied: access.denied,
    ...(access.last_used_at === null ? {} : { lastUsedAt: access.last_used_at.toISOString() }),
    unusedScopes: access.scopes.filter((scope) => isUnused(scope, access.used_scopes)),
    days: Math.min(windowDays, age),
  };
}

/** So young an approval has not had the time to be used. */
const YOUNG_DAYS = 14;

/**
 * Unused access is better revoked, unused scopes better taken away; a reviewer decides. What was approved a few days ago
 * and has not been used yet is kept: its maker may still be installing it. The evidence's `days` says how long was looked.
 */
export function recommendationFrom(evidence: CampaignEvidence, windowDays: number): CampaignItem['recommendation'] {
  if (evidence.callsAllowed === 0) return evidence.days < Math.min(YOUNG_DAYS, windowDays) ? 'keep' : 'revoke';
  return evidence.unusedScopes.length > 0 ? 'narrow' : 'keep';
}

/** A call is let in under what the token carried, which may be narrower than what was approved. */
function isUnused(approved: string, used: readonly string[]): boolean {
  const scope = parseScope(approved);
  // `launch`, `openid` and their like let no call in, so no call can show that they are used.
  if (!scope.ok || scope.scope.kind !== 'resource') return false;
  const wider = scope.scope;
  return used.every((text) => {
    const narrower = parseScope(text);
    return !narrower.ok || !covers([wider], narrower.scope);
  });
}
