import type { Resource } from '@medplum/fhirtypes';
import { groups } from './groups.js';
import { conditionsOf, encountersOf } from './encounters.js';
import { medicationRequestsOf, medications } from './medications.js';
import { observationsOf } from './observations.js';
import { locations, organizations, practitionerRoles, practitioners } from './organizations.js';
import { patients, patientSeeds } from './patients.js';
import { coverageOf, deviceOf, documentsOf, provenanceOf } from './records.js';

/** When all of the sandbox's data was last changed; fixed, so that every start gives the same. */
const lastUpdated = '2026-01-15T09:00:00.000Z';

/**
 * What the sandbox's FHIR server holds when it starts: a dozen invented patients with their records. The same at
 * every start, with ids that tests and docs may name, such as `Patient/patient-01` and
 * `Observation/observation-01-laboratory`.
 */
export function sandboxResources(): readonly Resource[] {
  const ofPatients = patientSeeds.flatMap((patient): readonly Resource[] => [
    ...encountersOf(patient),
    ...conditionsOf(patient),
    ...observationsOf(patient),
    ...medicationRequestsOf(patient),
    ...documentsOf(patient),
    deviceOf(patient),
    coverageOf(patient),
    provenanceOf(patient),
  ]);
  return [
    ...organizations,
    ...locations,
    ...practitioners,
    ...practitionerRoles,
    ...patients,
    ...groups,
    ...medications,
    ...ofPatients,
  ].map((resource) => ({
    ...resource,
    meta: { ...resource.meta, lastUpdated },
  }));
}
