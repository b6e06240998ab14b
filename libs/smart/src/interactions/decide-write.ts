import type { Scope, ScopeInteraction } from '../scopes/scope.js';
import { isWrittenByName, type Reaches } from '../sight/sight.js';
import { decide, type Decision, notEnforced, notUnderstood } from './decide-needs.js';
import type { WriteInteraction } from './interaction.js';
import { understandCondition } from './understand-condition.js';
import { understandNoSearch } from './understand-search.js';

/**
 * What whoever lets writes through does beside the decision: the body's `resourceType` and `id` are those of the URL,
 * duplicate JSON keys are refused, the state before and after is judged (`judge`), a condition is resolved to one id,
 * an update of an unknown id is a 404 and not a creation, but as `updatesCreate` says, the version that was judged goes upstream as
 * `If-Match`, and no representation goes back to a token without `r`.
 */
export interface EnforcedWrites {
  /** Of the types that are written only under a scope that names them, those that may be written here at all. */
  readonly byName: ReadonlySet<string>;
  /**
   * An update of an id that is not there creates it (R4, RESTful API, 3.1.0.4.1), where nothing of the type is hidden from
   * the token: else what is answered would tell which ids are there. The scope of
   * update allows it (SMART App Launch 2.2, Scopes for requesting FHIR resources).
   */
  readonly updatesCreate?: true;
}

/** The letters of a scope that each write needs on its type, the one that changes data first. */
const letters: Readonly<Record<WriteInteraction['kind'], readonly ScopeInteraction[]>> = {
  create: ['c'],
  update: ['u'],
  // Whether it can be applied tells what the resource holds.
  patch: ['u', 'r'],
  delete: ['d'],
  'conditional-create': ['c', 's'],
  'conditional-update': ['u', 's'],
  'conditional-patch': ['u', 'r', 's'],
  'conditional-delete': ['d', 's'],
};

/**
 * Decides a write by the request alone. What is written, and what is there before, is judged afterwards: the request
 * alone never proves that a write may be carried out, so that no decision is `whole`.
 */
export function decideWrite(
  scopes: readonly Scope[],
  interaction: WriteInteraction,
  reaches: Reaches,
  enforced: EnforcedWrites | undefined,
): Decision {
  const { kind, type } = interaction;
  if (!enforced) return notEnforced(`${kind} is not enforced here`);
  if (type === 'Binary') return notEnforced('a Binary is not written here');
  if (isWrittenByName(type) && !enforced.byName.has(type)) return notEnforced(`${type} is not written here`);
  const understood = understandTarget(interaction);
  if (!understood.ok) return notUnderstood(understood.reason);
  const needs = letters[kind].map((letter) => ({ type, interaction: letter }));
  const decision = decide(scopes, { ok: true, needs }, reaches);
  return decision.outcome === 'allow' ? { ...decision, whole: false } : decision;
}

function understandTarget(interaction: WriteInteraction) {
  switch (interaction.kind) {
    case 'conditional-create': {
      const controls = understandNoSearch(interaction.params);
      return controls.ok ? understandCondition(interaction.type, interaction.condition) : controls;
    }
    case 'conditional-update':
    case 'conditional-patch':
    case 'conditional-delete':
      return understandCondition(interaction.type, interaction.params);
    default:
      return understandNoSearch(interaction.params);
  }
}
