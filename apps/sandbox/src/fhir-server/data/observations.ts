import type { CodeableConcept, Observation } from '@medplum/fhirtypes';
import { concept, refer, systems } from './coding.js';
import type { PatientSeed } from './patients.js';

interface Kind {
  /** The last part of the id, `observation-01-<name>`. */
  readonly name: string;
  readonly category: CodeableConcept;
  readonly code: CodeableConcept;
  readonly value: (index: number) => Partial<Observation>;
}

const hl7 = (code: string, display: string) => concept(systems.observationCategory, code, display);
const quantity = (value: number, unit: string, code = unit): Partial<Observation> => ({
  valueQuantity: { value, unit, system: systems.ucum, code },
});

/** One observation per category of US Core, and two more vital signs: every patient has one of each. */
const kinds: readonly Kind[] = [
  {
    name: 'laboratory',
    category: hl7('laboratory', 'Laboratory'),
    code: concept(systems.loinc, '4548-4', 'Hemoglobin A1c/Hemoglobin.total in Blood'),
    value: (index) => quantity(5 + index / 5, '%'),
  },
  {
    name: 'vital-signs',
    category: hl7('vital-signs', 'Vital Signs'),
    code: concept(systems.loinc, '85354-9', 'Blood pressure panel with all children optional'),
    value: (index) => ({
      component: [
        {
          code: concept(systems.loinc, '8480-6', 'Systolic blood pressure'),
          ...quantity(110 + index * 2, 'mmHg', 'mm[Hg]'),
        },
        {
          code: concept(systems.loinc, '8462-4', 'Diastolic blood pressure'),
          ...quantity(70 + index, 'mmHg', 'mm[Hg]'),
        },
      ],
    }),
  },
  {
    name: 'heart-rate',
    category: hl7('vital-signs', 'Vital Signs'),
    code: concept(systems.loinc, '8867-4', 'Heart rate'),
    value: (index) => quantity(58 + index * 2, 'beats/minute', '/min'),
  },
  {
    name: 'body-weight',
    category: hl7('vital-signs', 'Vital Signs'),
    code: concept(systems.loinc, '29463-7', 'Body weight'),
    value: (index) => quantity(52 + index * 3, 'kg'),
  },
  {
    name: 'social-history',
    category: hl7('social-history', 'Social History'),
    code: concept(systems.loinc, '72166-2', 'Tobacco smoking status'),
    value: (index) => ({
      valueCodeableConcept:
        index % 3 === 0
          ? concept(systems.snomed, '8517006', 'Ex-smoker')
          : concept(systems.snomed, '266919005', 'Never smoked tobacco'),
    }),
  },
  {
    name: 'survey',
    category: hl7('survey', 'Survey'),
    code: concept(systems.loinc, '44261-6', 'Patient Health Questionnaire 9 item (PHQ-9) total score'),
    value: (index) => quantity(index, '{score}'),
  },
  {
    name: 'sdoh',
    category: concept(systems.usCoreCategory, 'sdoh', 'SDOH'),
    code: concept(systems.loinc, '88124-3', 'Food insecurity risk'),
    value: (index) => ({
      valueCodeableConcept:
        index % 4 === 0
          ? concept(systems.loinc, 'LA19952-3', 'At risk')
          : concept(systems.loinc, 'LA19983-8', 'No risk'),
    }),
  },
  {
    name: 'procedure',
    category: hl7('procedure', 'Procedure'),
    code: concept(systems.loinc, '10230-1', 'Left ventricular Ejection fraction'),
    value: (index) => quantity(50 + index, '%'),
  },
  {
    name: 'clinical-test',
    category: concept(systems.usCoreObservationCategory, 'clinical-test', 'Clinical Test'),
    code: concept(systems.loinc, '11524-6', 'EKG study'),
    value: (index) => ({ valueString: index % 5 === 0 ? 'Sinus bradycardia.' : 'Normal sinus rhythm.' }),
  },
];

/** An observation in every category of US Core. */
export function observationsOf({ id, number, practitioner }: PatientSeed): readonly Observation[] {
  return kinds.map(({ name, category, code, value }) => ({
    resourceType: 'Observation',
    id: `observation-${number}-${name}`,
    status: 'final',
    category: [category],
    code,
    subject: refer('Patient', id),
    encounter: refer('Encounter', `encounter-${number}-visit`),
    effectiveDateTime: `2025-10-${number}T09:10:00Z`,
    performer: [refer('Practitioner', practitioner)],
    ...value(Number(number)),
  }));
}
