import type { Medication, MedicationRequest } from '@medplum/fhirtypes';
import { concept, refer, systems } from './coding.js';
import type { PatientSeed } from './patients.js';

const drugs = [
  ['314076', 'lisinopril 10 MG Oral Tablet', 'One tablet by mouth every morning.'],
  [
    '860975',
    'metformin hydrochloride 500 MG Extended Release Oral Tablet',
    'One tablet by mouth with the evening meal.',
  ],
  [
    '745679',
    'albuterol 0.09 MG/ACTUAT Metered Dose Inhaler',
    'Two puffs when short of breath, up to four times a day.',
  ],
  ['313782', 'acetaminophen 325 MG Oral Tablet', 'Two tablets by mouth every six hours when in pain.'],
] as const;

const idOf = (index: number) => `medication-${String((index % drugs.length) + 1).padStart(2, '0')}`;

export const medications: readonly Medication[] = drugs.map(([code, display], index) => ({
  resourceType: 'Medication',
  id: idOf(index),
  status: 'active',
  code: concept(systems.rxnorm, code, display),
}));

/** A prescription that names its medicine by reference, and a finished one that names it in itself. */
export function medicationRequestsOf({ id, number, practitioner }: PatientSeed): readonly MedicationRequest[] {
  const index = Number(number);
  const [current, past] = [drugs[index % drugs.length] ?? drugs[0], drugs[(index + 1) % drugs.length] ?? drugs[1]];
  const rest = {
    resourceType: 'MedicationRequest',
    intent: 'order',
    subject: refer('Patient', id),
    encounter: refer('Encounter', `encounter-${number}-visit`),
    requester: refer('Practitioner', practitioner),
  } as const;
  return [
    {
      ...rest,
      id: `medication-request-${number}-current`,
      status: 'active',
      medicationReference: refer('Medication', idOf(index), current[1]),
      authoredOn: `2025-10-${number}`,
      dosageInstruction: [{ text: current[2] }],
    },
    {
      ...rest,
      id: `medication-request-${number}-past`,
      status: 'completed',
      medicationCodeableConcept: concept(systems.rxnorm, past[0], past[1]),
      authoredOn: `2025-03-${number}`,
      dosageInstruction: [{ text: past[2] }],
    },
  ];
}
