import { isOfPatient, linksOf, membershipOf } from '../compartments/patient-compartment.js';
import type { LocalReference } from '../compartments/reference.js';
import type { FhirResource } from '../definitions/element-values.js';
import { isResourceType, type ResourceType } from '../definitions/r4.js';
import {
  isWriteLetter,
  type ResourceScope,
  type Scope,
  type ScopeContext,
  type ScopeInteraction,
} from '../scopes/scope.js';
import { canMatch, matchesParameter } from './match-parameter.js';
import type { Withholding } from './withholding.js';

/** Whose data the scopes of one context can be about. */
export type Reach =
  | { readonly kind: 'everybody' }
  | { readonly kind: 'patient'; readonly id: string }
  /** `why` is told to the caller. */
  | { readonly kind: 'nobody'; readonly why: string };

/** Whose data each context reaches: `patient/` the patient of the token, `user/` what the user may see. */
export type Reaches = Readonly<Record<ScopeContext, Reach>> & {
  /** What no scope reaches. */
  readonly withheld?: Withholding;
  /** The user's own resource, which the scope `fhirUser` lets read. */
  readonly own?: LocalReference;
  /** Of what scopes reach, what somebody else is asked about before it is seen. */
  readonly asked?: AskedAbout;
};

/** Of which resources somebody else says whether they are seen: each is looked at, and `judge` says no more than that scopes reach it. */
export interface AskedAbout {
  /** Whether resources of a type are asked about that scopes of a context reach. */
  concerns(context: ScopeContext, type: ResourceType): boolean;
}

/** A backend's: no patient, no user. */
export const systemReaches: Reaches = {
  system: { kind: 'everybody' },
  patient: { kind: 'nobody', why: 'The token names no patient, so that its patient/ scopes allow nothing.' },
  user: { kind: 'nobody', why: 'Nobody says what the user may see, so that user/ scopes allow nothing.' },
};

/** What a token may see now. */
export interface Sight {
  readonly scopes: readonly Scope[];
  readonly reaches: Reaches;
  /** Base URLs under which the guarded server names its own resources. */
  readonly bases: readonly string[];
}

/** How far a scope reaches into a type: all of it, or what is to be looked at one by one. */
export type Extent = 'whole' | 'part';

/** They carry resources of other types inside: never seen, whatever the scopes say. */
const carriers: ReadonlySet<ResourceType> = new Set(['Bundle', 'Parameters', 'Subscription']);

/** They change the rules, or the record of what was done: `*` in a scope does not mean to write them. */
const writtenByName: ReadonlySet<string> = new Set(
  (
    'ActivityDefinition AuditEvent CapabilityStatement ChargeItemDefinition CodeSystem CompartmentDefinition ConceptMap Consent ' +
    'EventDefinition ExampleScenario GraphDefinition Group ImplementationGuide Library Measure MessageDefinition NamingSystem ' +
    'OperationDefinition PlanDefinition Questionnaire SearchParameter StructureDefinition StructureMap TerminologyCapabilities ' +
    'TestScript ValueSet'
  ).split(' '),
);

/** Whether a type is written only under a scope that names it (conformance and terminology, Consent, AuditEvent, Group). */
export function isWrittenByName(type: ResourceType): boolean {
  return writtenByName.has(type);
}

export function isCarrier(type: ResourceType): boolean {
  return carriers.has(type);
}

/** How far a scope reaches into a type for an interaction; undefined when not at all. */
export function extentOf(
  scope: Scope,
  type: ResourceType,
  interaction: ScopeInteraction,
  reaches: Reaches,
): Extent | undefined {
  if (!names(scope, type, interaction) || carriers.has(type)) return undefined;
  const reach = reaches[scope.context];
  if (reach.kind === 'nobody') return undefined;
  const { params } = scope;
  for (const param of params) if (!canMatch(type, param)) return undefined;
  if (type === 'Binary') return 'part';
  if (isWriteLetter(interaction) && scope.type === '*' && writtenByName.has(type)) return undefined;
  const { kind } = membershipOf(type);
  const isLookedAt = reaches.withheld?.concernsAny === true || reaches.asked?.concerns(scope.context, type) === true;
  if (reach.kind === 'everybody') return params.length === 0 && !isLookedAt ? 'whole' : 'part';
  // What is shared by all patients is no patient's to change.
  if (kind === 'outside' || (kind === 'shared' && isWriteLetter(interaction))) return undefined;
  return kind === 'shared' && params.length === 0 && !isLookedAt ? 'whole' : 'part';
}

/** Whether a scope is one for this type and interaction, whoever it is about. */
export function names(scope: Scope, type: ResourceType, interaction: ScopeInteraction): scope is ResourceScope {
  return (
    scope.kind === 'resource' && (scope.type === type || scope.type === '*') && scope.interactions.includes(interaction)
  );
}

/**
 * Whether a resource is seen. `if-seen`: exactly when all of these are, which stand elsewhere on the server. `if-shown`: a Binary
 * that does not say what it belongs to, exactly when a document that is seen shows it (`showsBinary`). Both only as far as what is
 * elsewhere is also reached in one of `contexts` (`isReached`), those of the scopes that name this type: scopes of two contexts give no more together.
 */
export type Verdict =
  | { readonly kind: 'seen' }
  | { readonly kind: 'hidden' }
  | { readonly kind: 'if-shown'; readonly contexts: ReadonlySet<ScopeContext> }
  | {
      readonly kind: 'if-seen';
      readonly links: readonly LocalReference[];
      readonly contexts: ReadonlySet<ScopeContext>;
    };

const seen: Verdict = { kind: 'seen' };
const hidden: Verdict = { kind: 'hidden' };

/**
 * Judges a resource by what it says itself: it is seen when any one scope for the interaction reaches it. Scopes add up.
 *
 * @param interaction `r` for what is read or included, `s` for what a search finds; `c`, `u` and `d` for what is written,
 *   as it is before and as it will be
 */
export function judge(
  resource: FhirResource,
  interaction: ScopeInteraction,
  { scopes, reaches, bases }: Sight,
): Verdict {
  const type = resource.resourceType;
  if (!isResourceType(type)) return hidden;
  if (reaches.withheld?.hides(resource, type, bases)) return hidden;
  let links: readonly LocalReference[] | undefined;
  let isShown = false;
  let contexts: Set<ScopeContext> | undefined;
  for (const scope of scopes) {
    const extent = extentOf(scope, type, interaction, reaches);
    if (extent === 'whole') return seen;
    if (extent === undefined || !names(scope, type, interaction)) continue;
    if (!scope.params.every((param) => matchesParameter(resource, type, param, bases))) continue;
    const reach = reaches[scope.context];
    const { kind } = membershipOf(type);
    const hasLinks =
      type === 'Binary' || reach.kind === 'patient' || reaches.withheld || reaches.asked?.concerns(scope.context, type);
    if (kind === 'linked' && hasLinks) {
      // A Binary without a `securityContext` is for whoever may see all of them, and all that it might belong to; for others by its documents.
      const known = linksOf(resource, bases);
      const isOpen = reach.kind === 'everybody' && !reaches.withheld && resource['securityContext'] === undefined;
      contexts = (contexts ?? new Set()).add(scope.context);
      if (known) links = known;
      else if (type === 'Binary' && (!isOpen || reaches.asked?.concerns(scope.context, type)))
        isShown ||= resource['securityContext'] === undefined;
      else if (isOpen) return seen;
    } else if (reach.kind === 'everybody' || kind === 'shared') return seen;
    else if (reach.kind === 'patient' && isOfPatient(resource, type, reach.id, bases)) return seen;
  }
  if (!contexts) return hidden;
  if (links) return { kind: 'if-seen', links, contexts };
  return isShown ? { kind: 'if-shown', contexts } : hidden;
}

/** Whether a resource is of those whom scopes of a context can be about, whichever type they name. */
export function isReached(resource: FhirResource, context: ScopeContext, sight: Sight): boolean {
  const { resourceType: type } = resource;
  if (!isResourceType(type)) return false;
  const scope: ResourceScope = { kind: 'resource', context, type, interactions: ['r'], params: [], syntax: 'v2' };
  return judge(resource, 'r', { ...sight, scopes: [scope] }).kind === 'seen';
}
