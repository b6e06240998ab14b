import type { ResourceType } from '../definitions/r4.js';
import type { ResourceScope, Scope, ScopeInteraction } from '../scopes/scope.js';
import type { FhirInteraction } from './interaction.js';
import {
  understandHistory,
  understandNoSearch,
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

/** They carry resources of other types inside, or arbitrary files: Binary's way in is a document in scope. */
const carriers: ReadonlySet<string> = new Set(['Binary', 'Bundle', 'Parameters', 'Subscription']);

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
 * This decides for `system/` scopes without parameters, by type and interaction: read, vread and histories of a type
 * or instance, searches on a type or on named types, with the types that includes and chains reach; and, where
 * `enforced` says so, plain writes by id.
 *
 * Left to the work on enforcement, and DENIED until it is there, whatever the scopes say: `patient/` and
 * `user/` scopes (the patient's compartment and the user's rights are not applied yet), granular scopes,
 * `_elements` and `_summary`, conditional writes and patches, batches and transactions (each entry is to be
 * checked), every operation, compartment searches, the system's history, and the types Binary, Bundle,
 * Parameters and Subscription. A decision is about the request alone: of what the upstream answers, the gateway still
 * drops every entry of a type that is not granted.
 */
export function decideInteraction(
  scopes: readonly Scope[],
  interaction: FhirInteraction,
  enforced: Enforced = {},
): Decision {
  switch (interaction.kind) {
    case 'capabilities': {
      const understood = understandNoSearch(
        interaction.params.filter(({ name, value }) => name !== 'mode' || value !== 'full'),
      );
      return understood.ok ? { outcome: 'allow', scopes: [] } : notUnderstood(understood.reason);
    }
    case 'read':
    case 'vread':
      return decide(scopes, understandNoSearch(interaction.params), [need(interaction.type, 'r')]);
    case 'history-instance':
      return decide(scopes, understandHistory(interaction.params), [need(interaction.type, 'r')]);
    case 'history-type':
      return decide(scopes, understandHistory(interaction.params), [need(interaction.type, 's')]);
    case 'search-type':
      return decide(scopes, understandSearch(interaction.type, interaction.params), []);
    case 'search-system':
      return decide(scopes, understandSystemSearch(interaction.params), []);
    case 'create':
    case 'update':
    case 'delete':
      return decideWrite(scopes, interaction, enforced);
    case 'patch':
    case 'conditional-create':
    case 'conditional-update':
    case 'conditional-patch':
    case 'conditional-delete':
    case 'batch-or-transaction':
    case 'history-system':
      return notEnforced(`${interaction.kind} is not enforced yet`);
    case 'operation':
      return notEnforced(`the operation $${interaction.name} is not enforced yet`);
    case 'unrecognised':
      return notUnderstood(interaction.reason);
    default:
      return interaction satisfies never;
  }
}

type Write = Extract<FhirInteraction, { readonly kind: 'create' | 'update' | 'delete' }>;

const letters = { create: 'c', update: 'u', delete: 'd' } as const satisfies Record<string, ScopeInteraction>;

function decideWrite(scopes: readonly Scope[], interaction: Write, enforced: Enforced): Decision {
  if (!enforced.writes) return notEnforced(`${interaction.kind} is not enforced here`);
  const byName = writtenByName.has(interaction.type);
  const counted = byName ? scopes.filter((it) => it.kind !== 'resource' || it.type !== '*') : scopes;
  return decide(counted, understandNoSearch(interaction.params), [need(interaction.type, letters[interaction.kind])]);
}

const need = (type: ResourceType, interaction: ScopeInteraction): Need => ({ type, interaction });

function decide(scopes: readonly Scope[], understood: Understanding, more: readonly Need[]): Decision {
  if (!understood.ok) return notUnderstood(understood.reason);
  const needs = [...more, ...understood.needs];
  const carrier = needs.find(({ type }) => carriers.has(type));
  if (carrier) return notEnforced(`access to ${carrier.type} is not enforced yet`);

  const resourceScopes = scopes.filter((it) => it.kind === 'resource');
  const used = new Set<ResourceScope>();
  const missing = needs.filter((each) => {
    const by = resourceScopes.find((scope) => isEnforced(scope) && allows(scope, each));
    if (by) used.add(by);
    return !by;
  });
  if (missing.length === 0) return { outcome: 'allow', scopes: [...used] };

  const unchecked = missing.find((each) => resourceScopes.some((scope) => allows(scope, each)));
  if (unchecked) {
    return notEnforced(
      `the scope for ${unchecked.type} is one for a patient, for a user, or granular, which is not enforced yet`,
    );
  }
  const wouldAllow = [...new Set(missing.map(({ type, interaction }) => `system/${type}.${interaction}`))];
  return { outcome: 'deny', reason: 'not-granted', detail: `needs ${wouldAllow.join(' ')}`, wouldAllow };
}

function isEnforced(scope: ResourceScope): boolean {
  return scope.context === 'system' && scope.params.length === 0;
}

function allows(scope: ResourceScope, { type, interaction }: Need): boolean {
  return (scope.type === '*' || scope.type === type) && scope.interactions.includes(interaction);
}

const notUnderstood = (detail: string): Decision => ({
  outcome: 'deny',
  reason: 'not-understood',
  detail,
  wouldAllow: [],
});
const notEnforced = (detail: string): Decision => ({ outcome: 'deny', reason: 'not-enforced', detail, wouldAllow: [] });
