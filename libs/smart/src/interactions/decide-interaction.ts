import { membershipOf } from '../compartments/patient-compartment.js';
import type { ResourceType } from '../definitions/r4.js';
import type { ResourceScope, Scope, ScopeContext, ScopeInteraction } from '../scopes/scope.js';
import { canMatch } from '../sight/match-parameter.js';
import { extentOf, isCarrier, names, type Extent, type Reaches, systemReaches } from '../sight/sight.js';
import type { FhirInteraction, OperationInteraction, QueryParameter } from './interaction.js';
import { understandOperation } from './understand-operation.js';
import {
  understandHistory,
  understandNoSearch,
  understandRead,
  understandSearch,
  understandSystemSearch,
  type Need,
  type Understanding,
} from './understand-search.js';

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

/** What the caller of `decideInteraction` enforces beside it. */
export interface Enforced {
  /**
   * Lets `create`, `update` and `delete` by id through. Set it only where the body's `resourceType` (and `id`) are
   * checked to be those of the URL, duplicate JSON keys are refused, an update of an unknown id is a 404 and
   * not a creation, the version that was checked goes upstream as `If-Match`, and no representation goes back to
   * a token without `r`.
   */
  readonly writes?: boolean;
}

/** Written only under a scope that names the type: `*` is not meant to change the rules themselves. */
const writtenByName: ReadonlySet<string> = new Set(
  (
    'ActivityDefinition AuditEvent CapabilityStatement ChargeItemDefinition CodeSystem CompartmentDefinition ConceptMap Consent ' +
    'EventDefinition ExampleScenario GraphDefinition Group ImplementationGuide Library Measure MessageDefinition NamingSystem ' +
    'OperationDefinition PlanDefinition Questionnaire SearchParameter StructureDefinition StructureMap TerminologyCapabilities ' +
    'TestScript ValueSet'
  ).split(' '),
);

/**
 * Decides whether the scopes of a token allow an interaction. What is not understood is denied.
 *
 * This is about the request alone. Where a scope reaches a part of a type only (a patient's, or what a granular scope
 * names), an allowed request is still to be narrowed (`narrowSearch`), and each resource that comes back to be judged
 * (`judge`).
 *
 * DENIED whatever the scopes say, until it is there: writes unless `enforced` says so, conditional writes and patches,
 * batches and transactions, every operation but `Patient/[id]/$everything`, compartment searches, the system's history, and the types Bundle,
 * Parameters and Subscription.
 *
 * @param reaches whose data the scopes of each context can be about; a backend's when left out
 */
export function decideInteraction(
  scopes: readonly Scope[],
  interaction: FhirInteraction,
  reaches: Reaches = systemReaches,
  enforced: Enforced = {},
): Decision {
  switch (interaction.kind) {
    case 'capabilities': {
      const understood = understandNoSearch(
        interaction.params.filter(({ name, value }) => name !== 'mode' || value !== 'full'),
      );
      return understood.ok ? { outcome: 'allow', scopes: [], whole: true } : notUnderstood(understood.reason);
    }
    case 'read':
    case 'vread':
      return decideOne(scopes, understandRead(interaction.params), interaction.type, 'r', reaches);
    case 'history-instance':
      return decideOne(scopes, understandHistory(interaction.params), interaction.type, 'r', reaches);
    case 'history-type':
      return decideHistory(scopes, interaction, reaches);
    case 'search-type':
      return decideSearch(scopes, interaction, reaches);
    case 'search-system':
      return decideSystemSearch(scopes, interaction.params, reaches);
    case 'create':
    case 'update':
    case 'delete':
      return decideWrite(scopes, interaction, reaches, enforced);
    case 'patch':
    case 'conditional-create':
    case 'conditional-update':
    case 'conditional-patch':
    case 'conditional-delete':
    case 'batch-or-transaction':
    case 'history-system':
      return notEnforced(`${interaction.kind} is not enforced yet`);
    case 'operation':
      return decideOperation(scopes, interaction, reaches);
    case 'unrecognised':
      return notUnderstood(interaction.reason);
    default:
      return interaction satisfies never;
  }
}

/** What an operation shows is to be looked at, whatever the scopes are. */
function decideOperation(scopes: readonly Scope[], operation: OperationInteraction, reaches: Reaches): Decision {
  const understood = understandOperation(operation);
  if (!understood.ok) return notEnforced(understood.reason);
  const decision = decide(scopes, understood, reaches);
  return decision.outcome === 'allow' ? { ...decision, whole: false } : decision;
}

type Write = Extract<FhirInteraction, { readonly kind: 'create' | 'update' | 'delete' }>;

const letters = { create: 'c', update: 'u', delete: 'd' } as const satisfies Record<string, ScopeInteraction>;

function decideWrite(scopes: readonly Scope[], interaction: Write, reaches: Reaches, enforced: Enforced): Decision {
  if (!enforced.writes) return notEnforced(`${interaction.kind} is not enforced here`);
  if (interaction.type === 'Binary') return notEnforced('a Binary is not written here');
  const byName = writtenByName.has(interaction.type);
  const counted = byName ? scopes.filter((it) => it.kind !== 'resource' || it.type !== '*') : scopes;
  const letter = letters[interaction.kind];
  return decideOne(counted, understandNoSearch(interaction.params), interaction.type, letter, reaches);
}

function decideSearch(
  scopes: readonly Scope[],
  interaction: Extract<FhirInteraction, { readonly kind: 'search-type' }>,
  reaches: Reaches,
): Decision {
  const { type, params } = interaction;
  if (type === 'Binary') return notEnforced('a Binary is read by its id, and not searched for');
  const decision = decide(scopes, understood(interaction), reaches);
  // Which of them are a patient's stands in what they are about, so that all would have to be looked through.
  const names = (code: string) => params.some(({ name }) => name === code);
  if (
    decision.outcome === 'allow' &&
    type === 'Provenance' &&
    !names('target') &&
    isOfPatientsOnly(scopes, type, reaches)
  )
    return notEnforced('a search of Provenance under patient/ scopes must name a target');
  return decision;
}

const searches = new WeakMap<FhirInteraction, Understanding>();

/** What a search needs, worked out once: a call is decided again in each tick in which something leaves. */
function understood(search: Extract<FhirInteraction, { readonly kind: 'search-type' }>): Understanding {
  let known = searches.get(search);
  if (!known) searches.set(search, (known = understandSearch(search.type, search.params)));
  return known;
}

function decideHistory(
  scopes: readonly Scope[],
  { type, params }: Extract<FhirInteraction, { readonly kind: 'history-type' }>,
  reaches: Reaches,
): Decision {
  if (type === 'Binary') return notEnforced('a Binary is read by its id');
  const decision = decideOne(scopes, understandHistory(params), type, 's', reaches);
  if (decision.outcome === 'allow' && isOfPatientsOnly(scopes, type, reaches))
    return notEnforced(`the history of all ${type} cannot be narrowed to a patient`);
  return decision;
}

function decideSystemSearch(scopes: readonly Scope[], params: readonly QueryParameter[], reaches: Reaches): Decision {
  const understood = understandSystemSearch(params);
  const decision = decide(scopes, understood, reaches);
  if (decision.outcome === 'deny' || !understood.ok) return decision;
  const narrow = understood.needs.find(({ type }) => type === 'Binary' || isOfPatientsOnly(scopes, type, reaches));
  return narrow ? notEnforced(`a search across types cannot narrow ${narrow.type} to a patient`) : decision;
}

/** Whether all that allows a search of the type is about a patient, so that the search must be narrowed to that one. */
function isOfPatientsOnly(scopes: readonly Scope[], type: ResourceType, reaches: Reaches): boolean {
  return !scopes.some((scope) => {
    const extent = extentOf(scope, type, 's', reaches);
    if (extent === undefined || scope.kind !== 'resource') return false;
    return extent === 'whole' || reaches[scope.context].kind === 'everybody' || membershipOf(type).kind === 'shared';
  });
}

/** What needs one type and one interaction: the common case, kept free of lists. */
function decideOne(
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

function decide(scopes: readonly Scope[], understood: Understanding, reaches: Reaches): Decision {
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
function contextFor({ type, whole }: Need, own: ScopeContext): ScopeContext {
  const { kind } = membershipOf(type);
  return own !== 'system' && (kind === 'outside' || (whole && kind !== 'shared')) ? 'system' : own;
}

const notUnderstood = (detail: string): Decision => ({
  outcome: 'deny',
  reason: 'not-understood',
  detail,
  wouldAllow: [],
});
const notEnforced = (detail: string): Decision => ({ outcome: 'deny', reason: 'not-enforced', detail, wouldAllow: [] });
