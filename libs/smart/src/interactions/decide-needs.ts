import { membershipOf } from '../compartments/patient-compartment.js';
import type { ResourceType } from '../definitions/r4.js';
import {
  isWriteLetter,
  type ResourceScope,
  type Scope,
  type ScopeContext,
  type ScopeInteraction,
} from '../scopes/scope.js';
import { canMatch } from '../sight/match-parameter.js';
import { type Extent, extentOf, isCarrier, names, type Reaches } from '../sight/sight.js';
import type { Need, Understanding } from './understand-search.js';

export type Decision =
  | {
      readonly outcome: 'allow';
      /** The scopes that allowed it, that of the type asked for first; empty for what needs none. */
      readonly scopes: readonly ResourceScope[];
      /** Nothing of what it shows can be hidden: the request alone proves it, and no answer has to be looked at. */
      readonly whole: boolean;
    }
  | {
      readonly outcome: 'deny';
      /**
       * `not-granted`: the scopes do not allow it, `wouldAllow` names what would. `not-understood`: the request
       * is not one that we know. `not-enforced`: we know it, and cannot yet check it, so that nobody may have it.
       */
      readonly reason: 'not-granted' | 'not-understood' | 'not-enforced';
      /** For the log and for the caller: names parameters and types, never values or ids. */
      readonly detail: string;
      /** The scopes that were missing, in v2 syntax; empty unless `not-granted`. */
      readonly wouldAllow: readonly string[];
    };

/** What needs one type and one interaction: the common case, kept free of lists. */
export function decideOne(
  scopes: readonly Scope[],
  understood: Understanding,
  type: ResourceType,
  interaction: ScopeInteraction,
  reaches: Reaches,
): Decision {
  if (!understood.ok) return notUnderstood(understood.reason);
  const by = allowing(scopes, type, interaction, reaches, 'part');
  if (!by) return refused(scopes, [{ type, interaction }], reaches);
  return { outcome: 'allow', scopes: [by], whole: extentOf(by, type, interaction, reaches) === 'whole' };
}

/** What needs several: every one must be allowed. */
export function decide(scopes: readonly Scope[], understood: Understanding, reaches: Reaches): Decision {
  if (!understood.ok) return notUnderstood(understood.reason);
  const used: ResourceScope[] = [];
  const missing: Need[] = [];
  let whole = true;
  for (const need of understood.needs) {
    const by = allowing(scopes, need.type, need.interaction, reaches, need.whole ? 'whole' : 'part');
    if (!by) {
      missing.push(need);
      continue;
    }
    if (!used.includes(by)) used.push(by);
    whole &&= extentOf(by, need.type, need.interaction, reaches) === 'whole';
  }
  return missing.length === 0 ? { outcome: 'allow', scopes: used, whole } : refused(scopes, missing, reaches);
}

/** The scope that reaches furthest into a type, of those that reach at least as far as is needed. */
function allowing(
  scopes: readonly Scope[],
  type: ResourceType,
  interaction: ScopeInteraction,
  reaches: Reaches,
  needed: Extent,
): ResourceScope | undefined {
  let part: ResourceScope | undefined;
  for (const scope of scopes) {
    const extent = extentOf(scope, type, interaction, reaches);
    if (extent === undefined || scope.kind !== 'resource') continue;
    if (extent === 'whole') return scope;
    part ??= scope;
  }
  return needed === 'part' ? part : undefined;
}

function refused(scopes: readonly Scope[], missing: readonly Need[], reaches: Reaches): Decision {
  const carrier = missing.find(({ type }) => isCarrier(type));
  if (carrier) return notEnforced(`access to ${carrier.type} is not enforced yet`);
  for (const { type, interaction, whole } of missing) {
    if (whole) continue;
    const named = scopes.filter((scope) => names(scope, type, interaction));
    // A scope is there and reaches nobody, or nothing that can be told from a resource.
    const nobody = named.map(({ context }) => reaches[context]).find(({ kind }) => kind === 'nobody');
    if (nobody?.kind === 'nobody' && named.every(({ context }) => reaches[context].kind === 'nobody'))
      return { outcome: 'deny', reason: 'not-granted', detail: nobody.why, wouldAllow: [] };
    const unmatched = named.flatMap(({ params }) => params).find((param) => !canMatch(type, param));
    if (unmatched) return notEnforced(`a scope that names ${unmatched.name} of ${type} is not enforced yet`);
  }
  const context = scopes.find((it) => it.kind === 'resource')?.context ?? 'system';
  const wouldAllow = new Set(missing.map((need) => `${contextFor(need, context)}/${need.type}.${need.interaction}`));
  return {
    outcome: 'deny',
    reason: 'not-granted',
    detail: `needs ${[...wouldAllow].join(' ')}`,
    wouldAllow: [...wouldAllow],
  };
}

/** The context in which a scope would do: the token's own, unless a patient's scope could not reach so far. */
function contextFor({ type, interaction, whole }: Need, own: ScopeContext): ScopeContext {
  const { kind } = membershipOf(type);
  const isShared = kind === 'shared' && !isWriteLetter(interaction);
  return own !== 'system' && (kind === 'outside' || (!isShared && (whole || kind === 'shared'))) ? 'system' : own;
}

export const notUnderstood = (detail: string): Decision => ({
  outcome: 'deny',
  reason: 'not-understood',
  detail,
  wouldAllow: [],
});
export const notEnforced = (detail: string): Decision => ({
  outcome: 'deny',
  reason: 'not-enforced',
  detail,
  wouldAllow: [],
});
