import { clinicians } from '../fhir-server/data/organizations.js';
import { patientSeeds } from '../fhir-server/data/patients.js';

/** Everybody's password in the sandbox. It guards nothing: the directory starts on loopback alone. */
export const sandboxPassword = 'gatehouse';

/** Somebody whom the sandbox's directory knows. */
export interface Person {
  /** Signs in with it; also the `sub` of their tokens. */
  readonly email: string;
  readonly name: string;
  /** In the claim `roles` (api.md, Who may call); empty for patients and practitioners. */
  readonly roles: readonly string[];
  /** The person's own record in the sandbox's FHIR data, `Patient/patient-01`. */
  readonly fhirUser?: string;
}

const staff: readonly Person[] = [
  { email: 'dev@example.org', name: 'Dana Developer', roles: ['developer'] },
  { email: 'second-dev@example.org', name: 'Sam Second', roles: ['developer'] },
  { email: 'reviewer@example.org', name: 'Robin Reviewer', roles: ['reviewer'] },
  { email: 'second-reviewer@example.org', name: 'Sasha Second', roles: ['reviewer'] },
  { email: 'auditor@example.org', name: 'Alex Auditor', roles: ['auditor'] },
  { email: 'operator@example.org', name: 'Olu Operator', roles: ['operator'] },
];

/** Everybody: staff, and the patients and practitioners of the FHIR data (`patient-01@example.org`, …). */
const people: readonly Person[] = [
  ...staff,
  ...patientSeeds.map(({ id, given, family }) => ({
    email: `${id}@example.org`,
    name: `${given} ${family}`,
    roles: [],
    fhirUser: `Patient/${id}`,
  })),
  ...clinicians.map(({ id, given, family }) => ({
    email: `${id}@example.org`,
    name: `Dr. ${given} ${family}`,
    roles: [],
    fhirUser: `Practitioner/${id}`,
  })),
];

const byEmail = new Map(people.map((person) => [person.email, person]));

/** The person with this address, in any case of letters. */
export function personByEmail(email: string): Person | undefined {
  return byEmail.get(email.trim().toLowerCase());
}
