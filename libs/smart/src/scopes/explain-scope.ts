import type { ResourceType } from '../definitions/r4.js';
import type { ResourceScope, Scope, ScopeInteraction } from './scope.js';

/** Types that reviewers meet most, in words that need no FHIR; any other type is named as it is. */
const plainNames: Partial<Record<ResourceType | '*', string>> = {
  '*': 'data of every kind, now and in future',
  AllergyIntolerance: 'allergies and intolerances',
  Appointment: 'appointments',
  AuditEvent: 'audit records',
  Binary: 'attached files',
  CarePlan: 'care plans',
  CareTeam: 'care teams',
  Claim: 'claims',
  Condition: 'diagnoses, problems and health concerns',
  Consent: 'consents',
  Coverage: 'insurance coverage',
  Device: 'devices and implants',
  DiagnosticReport: 'diagnostic reports',
  DocumentReference: 'clinical documents',
  Encounter: 'visits and stays',
  ExplanationOfBenefit: 'benefits, payments and costs',
  FamilyMemberHistory: 'the health history of relatives',
  Goal: 'care goals',
  Immunization: 'vaccinations',
  Location: 'places of care',
  Medication: 'descriptions of medicines',
  MedicationDispense: 'dispensed medicines',
  MedicationRequest: 'prescriptions',
  Observation: 'results and observations (laboratory, vital signs, social history, surveys)',
  Organization: 'organizations',
  Patient: 'identity and demographics (names, birth dates, addresses)',
  Practitioner: 'clinicians',
  PractitionerRole: 'the roles of clinicians',
  Procedure: 'procedures',
  Provenance: 'who recorded what, and when',
  QuestionnaireResponse: 'answers to questionnaires',
  RelatedPerson: 'relatives and carers',
  ServiceRequest: 'orders and referrals',
  Specimen: 'specimens',
};

const verbs: Readonly<Record<ScopeInteraction, string>> = {
  c: 'create',
  r: 'read',
  u: 'change',
  d: 'delete',
  s: 'search and list',
};

/**
 * What a scope lets an app do, in one plain sentence for the person who reviews it.
 *
 * @example explainScope(scope) // "Read, search and list prescriptions of every patient, with no user present."
 */
export function explainScope(scope: Scope): string {
  if (scope.kind === 'resource') return explainResourceScope(scope);
  switch (scope.name) {
    case 'launch':
      return 'Learn the patient and visit that are open in the health record when the app is started from it.';
    case 'launch/patient':
      return 'Have the user choose one patient when the app is started on its own.';
    case 'launch/encounter':
      return 'Have the user choose one visit when the app is started on its own.';
    case 'openid':
      return 'Sign the user in, and learn a stable identifier of theirs.';
    case 'fhirUser':
      return "Learn who the user is: read the user's own record as patient, clinician or relative.";
    case 'profile':
      return "Learn the user's profile, such as the name.";
    case 'offline_access':
      return 'Keep this access when the user is no longer signed in, until it expires or is withdrawn.';
    case 'online_access':
      return 'Keep this access as long as the user stays signed in.';
    default:
      return scope satisfies never;
  }
}

function explainResourceScope(scope: ResourceScope): string {
  const what = plainNames[scope.type] ?? `${scope.type} records`;
  const sentence = `${list(scope.interactions.map((it) => verbs[it]))} ${what} ${whose(scope)}`;
  const only = scope.params.map(({ name, value }) => `${name} is ${value.split(',').join(' or ')}`);
  const limit = only.length === 0 ? '' : `, only where ${only.join(' and ')}`;
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}${limit}.`;
}

function whose(scope: ResourceScope): string {
  switch (scope.context) {
    case 'patient':
      return 'of the one patient in context';
    case 'user':
      return 'that the signed-in user may see, which can be of many patients';
    case 'system':
      return 'of every patient, with no user present';
    default:
      return scope.context satisfies never;
  }
}

function list(words: readonly string[]): string {
  // "search and list" is last when it is there, so it brings the "and" with it.
  const last = words.at(-1) ?? '';
  const others = words.slice(0, -1).join(', ');
  if (others === '') return last;
  return `${others}${last === verbs.s ? ', ' : ' and '}${last}`;
}
