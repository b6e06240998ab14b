import { isObject, valuesAt, withContained, type FhirResource } from '../definitions/element-values.js';
import {
  isResourceType,
  patientCompartmentOf,
  searchParameterOf,
  type ElementPath,
  type ResourceType,
} from '../definitions/r4.js';
import { localReference } from './reference.js';

/** Types about a patient that R4's compartment leaves out, each by the one element that says whom it is about. */
const closedTable: Readonly<Partial<Record<ResourceType, string>>> = {
  Device: 'patient',
  GuidanceResponse: 'subject',
  Contract: 'subject',
};

/** Types that are about no patient: whoever was granted one may read it. */
const shared: ReadonlySet<ResourceType> = new Set([
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'Location',
  'Medication',
]);

/** Parameters of the compartment that say whom a resource is about; the others say who took part. */
const subjectCodes: ReadonlySet<string> = new Set(['patient', 'subject', 'beneficiary', 'individual']);

/** How a type belongs to patients. */
export interface Membership {
  /** `linked`: through what it belongs to, see `linksOf`. `outside`: never to a patient. */
  readonly kind: 'patient' | 'member' | 'shared' | 'linked' | 'outside';
  /** The search parameter that finds what is about a patient. */
  readonly subject?: string;
  /** Those that find what a patient took part in. */
  readonly actors: readonly string[];
  readonly subjectPaths: readonly ElementPath[];
  readonly actorPaths: readonly ElementPath[];
}

const memberships = new Map<ResourceType, Membership>();

/** How a type belongs to patients: R4's CompartmentDefinition, the closed table, and the shared types. */
export function membershipOf(type: ResourceType): Membership {
  let membership = memberships.get(type);
  if (!membership) memberships.set(type, (membership = findMembership(type)));
  return membership;
}

function findMembership(type: ResourceType): Membership {
  const none = { actors: [], subjectPaths: [], actorPaths: [] };
  if (type === 'Patient') return { kind: 'patient', subject: '_id', ...none };
  if (shared.has(type)) return { kind: 'shared', ...none };
  if (type === 'Binary' || type === 'Provenance') return { kind: 'linked', ...none };
  const tabled = closedTable[type];
  const codes = tabled === undefined ? patientCompartmentOf(type) : [tabled];
  if (codes.length === 0) return { kind: 'outside', ...none };
  const subjects = codes.filter((it) => subjectCodes.has(it));
  const actors = codes.filter((it) => !subjectCodes.has(it));
  const [subject] = subjects;
  return {
    kind: 'member',
    ...(subject === undefined ? {} : { subject }),
    actors,
    // `patient` keeps references to patients; whom else the same element names is to be seen here as well.
    subjectPaths: pathsOf(type, subjects).map(({ steps }) => ({ steps })),
    actorPaths: pathsOf(type, actors),
  };
}

function pathsOf(type: ResourceType, codes: readonly string[]): readonly ElementPath[] {
  return codes.flatMap((code) => searchParameterOf(type, code)?.paths ?? []);
}

/**
 * Whether a resource is a patient's. One that says whom it is about is the patient's if it names that patient there and
 * nobody else; only one that names nobody there can be the patient's by an element that says who took part, and then
 * only if no other patient did.
 *
 * @param bases see `localReference`
 */
export function isOfPatient(
  resource: FhirResource,
  type: ResourceType,
  patient: string,
  bases: readonly string[],
): boolean {
  const membership = membershipOf(type);
  if (membership.kind === 'patient') return resource['id'] === patient;
  if (membership.kind !== 'member') return false;
  const about = membership.subjectPaths.flatMap((path) => valuesAt(resource, path));
  if (about.length > 0) return about.every((it) => namesPatient(it, patient, bases));
  const took = membership.actorPaths
    .flatMap((path) => valuesAt(resource, path))
    .filter((it) => localReference(it, bases)?.type === 'Patient');
  return took.length > 0 && took.every((it) => namesPatient(it, patient, bases));
}

/** The ids of all patients that a resource is about or that took part in it, as far as it says so itself. */
export function patientsIn(resource: FhirResource, type: ResourceType, bases: readonly string[]): readonly string[] {
  if (type === 'Patient') return typeof resource['id'] === 'string' ? [resource['id']] : [];
  const { subjectPaths, actorPaths } = membershipOf(type);
  return [...subjectPaths, ...actorPaths]
    .flatMap((path) => valuesAt(resource, path))
    .map((it) => localReference(it, bases))
    .flatMap((it) => (it?.type === 'Patient' ? it.id : []));
}

/**
 * The ids of all patients whom a resource names: those of `patientsIn`, of a type that belongs to no patient whomever any
 * reference in it names, of a Provenance or a Binary those to whom it belongs, and the same of what it contains.
 */
export function patientsNamedIn(
  resource: FhirResource,
  type: ResourceType,
  bases: readonly string[],
): readonly string[] {
  const [, ...contained] = withContained(resource);
  const own = patientsItselfIn(resource, type, bases);
  return [...new Set([...own, ...contained.flatMap((it) => patientsNamedInContained(it, bases))])];
}

function patientsItselfIn(resource: FhirResource, type: ResourceType, bases: readonly string[]): readonly string[] {
  switch (membershipOf(type).kind) {
    case 'outside':
      return patientsAnywhereIn(resource, bases);
    case 'linked':
      return patientsAnywhereIn(belongingOf(resource), bases);
    default:
      return patientsIn(resource, type, bases);
  }
}

/** The id of what is contained names nobody: it counts within the resource alone. */
function patientsNamedInContained(resource: FhirResource, bases: readonly string[]): readonly string[] {
  const { resourceType: type } = resource;
  const isMember = isResourceType(type) && membershipOf(type).kind === 'member';
  return isMember ? patientsIn(resource, type, bases) : patientsAnywhereIn(resource, bases);
}

/** Whomever any reference names. */
function patientsAnywhereIn(value: unknown, bases: readonly string[]): readonly string[] {
  const found: string[] = [];
  const look = (each: unknown): void => {
    if (Array.isArray(each)) each.forEach(look);
    else if (isObject(each)) {
      const named = localReference(each, bases);
      if (named?.type === 'Patient') found.push(named.id);
      Object.values(each).forEach(look);
    }
  };
  look(value);
  return found;
}

/**
 * Whether a resource, or what it contains, is about somebody who is no patient of this server: of another one, by
 * identifier, a group. Who took part counts where it may be such a patient; of a type that belongs to no patient, whomever
 * any reference in it names. What is contained may name the resource that it is in, or what stands beside it there.
 */
export function isAboutOthers(resource: FhirResource, type: ResourceType, bases: readonly string[]): boolean {
  const [, ...contained] = withContained(resource);
  return (
    isItselfAboutOthers(resource, type, bases, () => false) ||
    contained.some((it) => isResourceType(it.resourceType) && isItselfAboutOthers(it, it.resourceType, bases, isWithin))
  );
}

function isItselfAboutOthers(
  resource: FhirResource,
  type: ResourceType,
  bases: readonly string[],
  isKnown: (reference: unknown) => boolean,
): boolean {
  const { kind, subjectPaths, actorPaths } = membershipOf(type);
  if (kind === 'outside') return holdsStranger(resource, bases);
  const about = subjectPaths.flatMap((path) => valuesAt(resource, path));
  if (about.some((it) => localReference(it, bases)?.type !== 'Patient' && !isKnown(it))) return true;
  return actorPaths.flatMap((path) => valuesAt(resource, path)).some((it) => namesStranger(it, bases));
}

function isWithin(value: unknown): boolean {
  return isObject(value) && typeof value['reference'] === 'string' && value['reference'].startsWith('#');
}

function holdsStranger(value: unknown, bases: readonly string[]): boolean {
  if (Array.isArray(value)) return value.some((it) => holdsStranger(it, bases));
  if (!isObject(value)) return false;
  return namesStranger(value, bases) || Object.values(value).some((it) => holdsStranger(it, bases));
}

const referenceElements: ReadonlySet<string> = new Set([
  'id',
  'extension',
  'reference',
  'type',
  'identifier',
  'display',
]);

/** Whether a Reference names a patient elsewhere, or somebody by an identifier alone who may be one. */
function namesStranger(value: unknown, bases: readonly string[]): boolean {
  if (!isObject(value) || localReference(value, bases)) return false;
  const { reference, type, identifier } = value;
  if (typeof reference === 'string') return type === 'Patient' || /(^|\/)Patient[/?]/.test(reference);
  const isAlone = isObject(identifier) && Object.keys(value).every((it) => referenceElements.has(it.replace(/^_/, '')));
  return isAlone && (typeof type !== 'string' || !isResourceType(type) || type === 'Patient');
}

function namesPatient(value: unknown, patient: string, bases: readonly string[]): boolean {
  const named = localReference(value, bases);
  return named?.type === 'Patient' && named.id === patient;
}

/**
 * What a resource belongs to that says nothing of a patient itself: a Binary to what its `securityContext` names, a
 * Provenance to all its targets. Undefined for every other type, and for one that names nothing on this server.
 */
export function linksOf(
  resource: FhirResource,
  bases: readonly string[],
): readonly { readonly type: ResourceType; readonly id: string }[] | undefined {
  const named = belongingOf(resource);
  if (named === undefined) return undefined;
  const links = (Array.isArray(named) ? (named as readonly unknown[]) : [named]).map((it) => localReference(it, bases));
  const known = links.filter((it) => it !== undefined);
  return known.length === links.length && known.length > 0 ? known : undefined;
}

function belongingOf(resource: FhirResource): unknown {
  if (resource.resourceType === 'Binary') return resource['securityContext'];
  return resource.resourceType === 'Provenance' ? resource['target'] : undefined;
}
