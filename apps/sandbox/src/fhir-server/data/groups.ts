import type { Group } from '@medplum/fhirtypes';

/** Whom a practice looks after: one of them not any more. */
export const groups: readonly Group[] = [
  {
    resourceType: 'Group',
    id: 'group-01',
    type: 'person',
    actual: true,
    name: 'Patients of Dr. Rivera',
    member: [
      { entity: { reference: 'Patient/patient-01' } },
      { entity: { reference: 'Patient/patient-03' } },
      { entity: { reference: 'Patient/patient-02' }, inactive: true },
    ],
  },
];
