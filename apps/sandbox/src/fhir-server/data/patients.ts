import type { Patient } from '@medplum/fhirtypes';
import { refer } from './coding.js';

/** A patient of the sandbox, in the FHIR data and in the directory. */
export interface PatientSeed {
  readonly id: string;
  /** Two digits, from `01`: part of the ids of everything about this patient. */
  readonly number: string;
  readonly given: string;
  readonly family: string;
  readonly gender: 'female' | 'male' | 'other';
  readonly birthDate: string;
  readonly practitioner: string;
}

const rows = [
  ['Amelia', 'Brandt', 'female', '1984-03-12', 'practitioner-01'],
  ['Benjamin', 'Castellano', 'male', '1957-11-02', 'practitioner-02'],
  ['Chidi', 'Eze', 'male', '1991-07-23', 'practitioner-01'],
  ['Delphine', 'Moreau', 'female', '1946-01-30', 'practitioner-02'],
  ['Elias', 'Hakimi', 'male', '2015-09-14', 'practitioner-04'],
  ['Fatima', 'Al-Rashid', 'female', '1973-05-08', 'practitioner-03'],
  ['Gunnar', 'Solberg', 'male', '1968-12-19', 'practitioner-03'],
  ['Hana', 'Watanabe', 'female', '2002-04-27', 'practitioner-01'],
  ['Imani', 'Johnson', 'female', '1996-08-16', 'practitioner-01'],
  ['Jakub', 'Nowak', 'male', '1979-02-05', 'practitioner-02'],
  ['Kai', 'Nakoa', 'other', '1988-10-11', 'practitioner-03'],
  ['Lucía', 'Fernández', 'female', '2019-06-03', 'practitioner-04'],
] as const;

export const patientSeeds: readonly PatientSeed[] = rows.map(
  ([given, family, gender, birthDate, practitioner], index) => {
    const number = String(index + 1).padStart(2, '0');
    return { id: `patient-${number}`, number, given, family, gender, birthDate, practitioner };
  },
);

export const patients: readonly Patient[] = patientSeeds.map(
  ({ id, number, given, family, gender, birthDate, practitioner }, index) => ({
    resourceType: 'Patient',
    id,
    active: true,
    identifier: [{ system: 'https://riverside.example.org/mrn', value: `MRN-10${number}` }],
    name: [{ use: 'official', family, given: [given] }],
    gender,
    birthDate,
    telecom: [{ system: 'phone', value: `555-02${number}`, use: 'home' }],
    address: [
      {
        use: 'home',
        line: [`${index + 10} Orchard Street`],
        city: 'Springfield',
        state: 'MA',
        postalCode: '01103',
        country: 'US',
      },
    ],
    communication: [{ language: { coding: [{ system: 'urn:ietf:bcp:47', code: 'en-US' }] }, preferred: true }],
    generalPractitioner: [refer('Practitioner', practitioner)],
    managingOrganization: refer('Organization', 'organization-01'),
  }),
);
