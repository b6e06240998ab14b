import type { Binary, Coverage, Device, DocumentReference, Provenance } from '@medplum/fhirtypes';
import { concept, refer, systems } from './coding.js';
import type { PatientSeed } from './patients.js';

/** A note of the visit, and the file that holds its text. */
export function documentsOf({
  id,
  number,
  given,
  family,
  practitioner,
}: PatientSeed): readonly (Binary | DocumentReference)[] {
  const text = `Visit of ${given} ${family} on 2025-10-${number}: check-up, no acute complaints.\n`;
  return [
    {
      resourceType: 'Binary',
      id: `binary-${number}`,
      contentType: 'text/plain; charset=utf-8',
      securityContext: refer('DocumentReference', `document-${number}`),
      data: Buffer.from(text, 'utf8').toString('base64'),
    },
    {
      resourceType: 'DocumentReference',
      id: `document-${number}`,
      status: 'current',
      type: concept(systems.loinc, '34133-9', 'Summary of episode note'),
      category: [
        concept(
          'http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category',
          'clinical-note',
          'Clinical Note',
        ),
      ],
      subject: refer('Patient', id),
      date: `2025-10-${number}T09:40:00Z`,
      author: [refer('Practitioner', practitioner)],
      content: [
        {
          attachment: { contentType: 'text/plain; charset=utf-8', url: `Binary/binary-${number}`, title: 'Visit note' },
        },
      ],
      context: { encounter: [refer('Encounter', `encounter-${number}-visit`)] },
    },
  ];
}

/** The implant or device of a patient. */
export function deviceOf({ id, number }: PatientSeed): Device {
  return {
    resourceType: 'Device',
    id: `device-${number}`,
    status: 'active',
    type: concept(systems.snomed, '14106009', 'Cardiac pacemaker, device'),
    serialNumber: `SN-77${number}`,
    patient: refer('Patient', id),
  };
}

/** The insurance of a patient. */
export function coverageOf({ id, number }: PatientSeed): Coverage {
  return {
    resourceType: 'Coverage',
    id: `coverage-${number}`,
    status: 'active',
    subscriberId: `CHP-55${number}`,
    beneficiary: refer('Patient', id),
    relationship: concept('http://terminology.hl7.org/CodeSystem/subscriber-relationship', 'self', 'Self'),
    period: { start: '2025-01-01' },
    payor: [refer('Organization', 'organization-03')],
  };
}

/** Who recorded the laboratory result. */
export function provenanceOf({ number, practitioner }: PatientSeed): Provenance {
  return {
    resourceType: 'Provenance',
    id: `provenance-${number}`,
    target: [refer('Observation', `observation-${number}-laboratory`)],
    recorded: `2025-10-${number}T12:00:00Z`,
    agent: [
      {
        type: concept('http://terminology.hl7.org/CodeSystem/provenance-participant-type', 'author', 'Author'),
        who: refer('Practitioner', practitioner),
        onBehalfOf: refer('Organization', 'organization-01'),
      },
    ],
  };
}
