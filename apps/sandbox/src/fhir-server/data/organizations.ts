import type { Location, Organization, Practitioner, PractitionerRole } from '@medplum/fhirtypes';
import { concept, refer, systems } from './coding.js';

/** A clinician of the sandbox, in the FHIR data and in the directory. */
export interface ClinicianSeed {
  readonly id: string;
  readonly given: string;
  readonly family: string;
  readonly gender: 'female' | 'male';
  readonly npi: string;
  readonly specialty: readonly [code: string, display: string];
  readonly organization: string;
}

export const clinicians: readonly ClinicianSeed[] = [
  {
    id: 'practitioner-01',
    given: 'Miriam',
    family: 'Okafor',
    gender: 'female',
    npi: '1112223336',
    specialty: ['419772000', 'Family practice'],
    organization: 'organization-01',
  },
  {
    id: 'practitioner-02',
    given: 'Jonas',
    family: 'Lindqvist',
    gender: 'male',
    npi: '1223334443',
    specialty: ['394579002', 'Cardiology'],
    organization: 'organization-02',
  },
  {
    id: 'practitioner-03',
    given: 'Priya',
    family: 'Raman',
    gender: 'female',
    npi: '1334445558',
    specialty: ['394583002', 'Endocrinology'],
    organization: 'organization-02',
  },
  {
    id: 'practitioner-04',
    given: 'Daniel',
    family: 'Whitehorse',
    gender: 'male',
    npi: '1445556669',
    specialty: ['394537008', 'Pediatrics'],
    organization: 'organization-01',
  },
];

export const organizations: readonly Organization[] = [
  organization('organization-01', 'Riverside Family Health', '14 Mill Lane', '555-0110'),
  organization('organization-02', 'Northgate General Hospital', '200 Northgate Avenue', '555-0120'),
  organization('organization-03', 'Commonwealth Health Plan', '1 Market Square', '555-0130'),
];

export const locations: readonly Location[] = [
  {
    resourceType: 'Location',
    id: 'location-01',
    status: 'active',
    name: 'Riverside clinic, room 3',
    managingOrganization: refer('Organization', 'organization-01'),
  },
  {
    resourceType: 'Location',
    id: 'location-02',
    status: 'active',
    name: 'Northgate emergency department',
    managingOrganization: refer('Organization', 'organization-02'),
  },
  {
    resourceType: 'Location',
    id: 'location-03',
    status: 'active',
    name: 'Northgate outpatient laboratory',
    managingOrganization: refer('Organization', 'organization-02'),
  },
];

export const practitioners: readonly Practitioner[] = clinicians.map(({ id, given, family, gender, npi }) => ({
  resourceType: 'Practitioner',
  id,
  active: true,
  identifier: [{ system: systems.npi, value: npi }],
  name: [{ family, given: [given], prefix: ['Dr.'] }],
  gender,
}));

export const practitionerRoles: readonly PractitionerRole[] = clinicians.map(
  ({ id, specialty, organization: where }) => ({
    resourceType: 'PractitionerRole',
    id: id.replace('practitioner', 'practitioner-role'),
    active: true,
    practitioner: refer('Practitioner', id),
    organization: refer('Organization', where),
    specialty: [concept(systems.snomed, ...specialty)],
  }),
);

function organization(id: string, name: string, line: string, phone: string): Organization {
  return {
    resourceType: 'Organization',
    id,
    active: true,
    name,
    telecom: [{ system: 'phone', value: phone }],
    address: [{ line: [line], city: 'Springfield', state: 'MA', postalCode: '01103', country: 'US' }],
  };
}
