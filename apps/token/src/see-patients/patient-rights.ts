import type { FhirEndpoint } from '#fhir-endpoints';
import type { PatientView } from '../pages/view-models.js';

/** What is in the context of a launch. */
export interface EncounterOfPatient {
  readonly id: string;
  readonly patient: string;
  readonly title: string;
  readonly start?: string;
}

/** Whom a resource is about, by what it says itself. */
export interface AboutWhom {
  readonly patients: readonly string[];
  /** Whether that is not all: it is about somebody else as well, or does not say whose it is. */
  readonly unknown: boolean;
}

/** Nobody says who may see whom: then nobody may. */
export class RightsUnavailable extends Error {
  override readonly name = 'RightsUnavailable';
  readonly code = 'rights-unavailable';
}

/**
 * Which patients a user may see (security.md, Tokens): asked at the picker, at a launch, at consent and at every
 * refresh. A user is named by their own FHIR resource, `Practitioner/123`. Every method throws `RightsUnavailable`
 * when nobody answers.
 */
export interface PatientRights {
  /** Whether the user's own resource is there, and not out of service. */
  exists(fhirUser: string): Promise<boolean>;
  /** The patients whom the user may see, at most a hundred. */
  patientsOf(fhirUser: string): Promise<readonly PatientView[]>;
  /** The patient, if the user may see them. */
  patientFor(fhirUser: string, patientId: string): Promise<PatientView | undefined>;
  /** The latest encounters of a patient whom the user may see. */
  encountersOf(patientId: string): Promise<readonly EncounterOfPatient[]>;
  /** One encounter; undefined when there is none. */
  encounter(encounterId: string): Promise<EncounterOfPatient | undefined>;
  /** Whom a resource, `ImagingStudy/123`, is about; undefined when it is not there. */
  whomIsAbout(reference: string): Promise<AboutWhom | undefined>;
}

/** The rights at each endpoint: the same id may be another patient at another. */
export interface PatientRightsOf {
  at(endpoint: FhirEndpoint): PatientRights;
}

export const PATIENT_RIGHTS = Symbol('PatientRights');
