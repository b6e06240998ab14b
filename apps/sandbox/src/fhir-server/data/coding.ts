import type { CodeableConcept, Reference, Resource } from '@medplum/fhirtypes';

/** The code systems of the sandbox's data. */
export const systems = {
  loinc: 'http://loinc.org',
  snomed: 'http://snomed.info/sct',
  rxnorm: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  ucum: 'http://unitsofmeasure.org',
  observationCategory: 'http://terminology.hl7.org/CodeSystem/observation-category',
  conditionCategory: 'http://terminology.hl7.org/CodeSystem/condition-category',
  /** US Core's own categories: here stand health-concern, sdoh and clinical-test, and not in HL7's. */
  usCoreConditionCategory: 'http://hl7.org/fhir/us/core/CodeSystem/condition-category',
  usCoreCategory: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-category',
  usCoreObservationCategory: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-observation-category',
  conditionClinical: 'http://terminology.hl7.org/CodeSystem/condition-clinical',
  conditionVerification: 'http://terminology.hl7.org/CodeSystem/condition-ver-status',
  encounterClass: 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
  npi: 'http://hl7.org/fhir/sid/us-npi',
} as const;

/** One code of a system as a concept. */
export function concept(system: string, code: string, display: string): CodeableConcept {
  return { coding: [{ system, code, display }], text: display };
}

/** A reference to a resource of the sandbox by its type and id. */
export function refer<Type extends Resource['resourceType']>(
  type: Type,
  id: string,
  display?: string,
): Reference<Extract<Resource, { resourceType: Type }>> {
  return display === undefined ? { reference: `${type}/${id}` } : { reference: `${type}/${id}`, display };
}
