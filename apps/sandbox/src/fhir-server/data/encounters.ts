import type { Condition, Encounter } from '@medplum/fhirtypes';
import { concept, refer, systems } from './coding.js';
import type { PatientSeed } from './patients.js';

const diagnoses = [
  ['38341003', 'Hypertensive disorder'],
  ['73211009', 'Diabetes mellitus'],
  ['195967001', 'Asthma'],
  ['396275006', 'Osteoarthritis'],
] as const;

const concerns = [
  ['73438004', 'Unemployed'],
  ['160903007', 'Full-time employment'],
  ['423315002', 'Limited social contact'],
] as const;

/** An office visit, and an earlier stay in the emergency department. */
export function encountersOf({ id, number, practitioner }: PatientSeed): readonly Encounter[] {
  const subject = refer('Patient', id);
  const participant = [{ individual: refer('Practitioner', practitioner) }];
  return [
    {
      resourceType: 'Encounter',
      id: `encounter-${number}-visit`,
      status: 'finished',
      class: { system: systems.encounterClass, code: 'AMB', display: 'ambulatory' },
      type: [concept(systems.snomed, '185349003', 'Encounter for check up')],
      subject,
      participant,
      period: { start: `2025-10-${number}T09:00:00Z`, end: `2025-10-${number}T09:30:00Z` },
      location: [{ location: refer('Location', 'location-01') }],
      serviceProvider: refer('Organization', 'organization-01'),
    },
    {
      resourceType: 'Encounter',
      id: `encounter-${number}-emergency`,
      status: 'finished',
      class: { system: systems.encounterClass, code: 'EMER', display: 'emergency' },
      type: [concept(systems.snomed, '50849002', 'Emergency department patient visit')],
      subject,
      participant,
      period: { start: `2025-03-${number}T20:15:00Z`, end: `2025-03-${number}T23:40:00Z` },
      location: [{ location: refer('Location', 'location-02') }],
      serviceProvider: refer('Organization', 'organization-02'),
    },
  ];
}

/** One condition in each category of US Core; health-concern is US Core's own. */
export function conditionsOf(patient: PatientSeed): readonly Condition[] {
  const index = Number(patient.number);
  const [diagnosis = diagnoses[0], problem = diagnoses[1]] = [diagnoses[index % 4], diagnoses[(index + 1) % 4]];
  const concern = concerns[index % 3] ?? concerns[0];
  return [
    condition(
      patient,
      'encounter-diagnosis',
      concept(systems.conditionCategory, 'encounter-diagnosis', 'Encounter Diagnosis'),
      diagnosis,
    ),
    condition(
      patient,
      'problem-list-item',
      concept(systems.conditionCategory, 'problem-list-item', 'Problem List Item'),
      problem,
    ),
    condition(
      patient,
      'health-concern',
      concept(systems.usCoreConditionCategory, 'health-concern', 'Health Concern'),
      concern,
    ),
  ];
}

function condition(
  { id, number }: PatientSeed,
  name: string,
  category: NonNullable<Condition['category']>[number],
  [code, display]: readonly [string, string],
): Condition {
  return {
    resourceType: 'Condition',
    id: `condition-${number}-${name}`,
    clinicalStatus: concept(systems.conditionClinical, 'active', 'Active'),
    verificationStatus: concept(systems.conditionVerification, 'confirmed', 'Confirmed'),
    category: [category],
    code: concept(systems.snomed, code, display),
    subject: refer('Patient', id),
    ...(name === 'encounter-diagnosis' ? { encounter: refer('Encounter', `encounter-${number}-visit`) } : {}),
    onsetDateTime: `2024-06-${number}`,
    recordedDate: `2025-10-${number}`,
  };
}
