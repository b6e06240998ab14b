import { membershipOf } from '../compartments/patient-compartment.js';
import type { ResourceType } from '../definitions/r4.js';
import type { Scope } from '../scopes/scope.js';
import { extentOf, type Reaches, systemReaches } from '../sight/sight.js';
import type { AllowedOperation } from './allowed-operation.js';
import { decide, decideOne, type Decision, notEnforced, notUnderstood } from './decide-needs.js';
import { decideExport, isExport } from './decide-export.js';
import { decideWrite, type EnforcedWrites } from './decide-write.js';
import type { FhirInteraction, OperationInteraction, QueryParameter } from './interaction.js';
import { faultOfValidation, understandOperation } from './understand-operation.js';
import {
  understandHistory,
  understandNoSearch,
  understandRead,
  understandSearch,
  understandSystemSearch,
  type Understanding,
} from './understand-search.js';

/** What the caller of `decideInteraction` enforces beside it; what it does not is denied. */
export interface Enforced {
  readonly writes?: EnforcedWrites;
  /** Bundles are taken apart (`readBundle`), and each entry is decided as the call that it would be by itself. */
  readonly bundles?: true;
  /** Operations that are called as they are described, and whose answers are looked through as it is said there. */
  readonly operations?: readonly AllowedOperation[];
}

/**
 * Decides whether the scopes of a token allow an interaction. What is not understood is denied.
 *
 * This is about the request alone. Where a scope reaches a part of a type only (a patient's, or what a granular scope
 * names), an allowed request is still to be narrowed (`narrowSearch`), and each resource that comes back to be judged
 * (`judge`).
 *
 * DENIED whatever the scopes say, until it is there: writes, batches, transactions and operations unless `enforced` says
 * so (but for `Patient/[id]/$everything` and exports), compartment searches, the system's history, and the types Bundle, Parameters
 * and Subscription.
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
    case 'patch':
    case 'delete':
    case 'conditional-create':
    case 'conditional-update':
    case 'conditional-patch':
    case 'conditional-delete':
      return decideWrite(scopes, interaction, reaches, enforced.writes);
    case 'batch-or-transaction':
      return decideBundle(interaction.params, enforced);
    case 'history-system':
      return notEnforced(`${interaction.kind} is not enforced yet`);
    case 'operation':
      return decideOperation(scopes, interaction, reaches, enforced);
    case 'unrecognised':
      return notUnderstood(interaction.reason);
    default:
      return interaction satisfies never;
  }
}

/** A Bundle by itself shows and changes nothing: its entries do. */
function decideBundle(params: readonly QueryParameter[], { bundles }: Enforced): Decision {
  if (!bundles) return notEnforced('batches and transactions are not enforced here');
  const understood = understandNoSearch(params);
  return understood.ok ? { outcome: 'allow', scopes: [], whole: false } : notUnderstood(understood.reason);
}

/** What an operation shows is to be looked at, whatever the scopes are. */
function decideOperation(
  scopes: readonly Scope[],
  operation: OperationInteraction,
  reaches: Reaches,
  { operations, writes }: Enforced,
): Decision {
  if (isExport(operation)) return decideExport(scopes, operation, reaches);
  if (operation.name === 'validate') return decideValidation(scopes, operation, reaches, writes);
  const understood = understandOperation(operation, operations);
  if (!understood.ok) return notEnforced(understood.reason);
  const decision = decide(scopes, understood, reaches);
  return decision.outcome === 'allow' ? { ...decision, whole: false } : decision;
}

/** `$validate` tells what a write would be told: it needs what that write needs. */
function decideValidation(
  scopes: readonly Scope[],
  operation: OperationInteraction,
  reaches: Reaches,
  writes: EnforcedWrites | undefined,
): Decision {
  const fault = faultOfValidation(operation);
  if (fault !== undefined || operation.level === 'system') return notEnforced(fault ?? '$validate needs a type');
  const { type, level } = operation;
  const write =
    level === 'type'
      ? ({ kind: 'create', type, params: [] } as const)
      : ({ kind: 'update', type, id: operation.id, params: [] } as const);
  return decideWrite(scopes, write, reaches, writes);
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
  // An old version is seen by whom the current one is seen, and a page of all versions says not of any which that is.
  if (decision.outcome === 'allow' && !scopes.some((it) => extentOf(it, type, 's', reaches) === 'whole'))
    return notEnforced(`the history of all ${type} cannot be narrowed to what may be seen`);
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
