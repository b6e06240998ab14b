import { readFileSync } from 'node:fs';
import { generateR4Definitions } from './generate.js';
import { allResourceTypes, isResourceType, markedElementsOf, patientCompartmentOf, searchParameterOf } from './r4.js';

describe('the definitions of R4', () => {
  it('equal what the definitions package says', () => {
    const committed = readFileSync(new URL('r4.generated.ts', import.meta.url), 'utf8');
    expect(committed).toBe(generateR4Definitions());
  });

  it('have every concrete type and no abstract one', () => {
    expect(allResourceTypes).toHaveLength(147);
    expect(isResourceType('MedicationRequest')).toBe(true);
    for (const no of ['Resource', 'DomainResource', 'patient', 'Project', '*', '', 'constructor', '__proto__']) {
      expect(isResourceType(no)).toBe(false);
    }
  });

  it('know the parameters of a type, their kind and their targets', () => {
    expect(searchParameterOf('Observation', 'patient')).toEqual({
      code: 'patient',
      kind: 'reference',
      targets: ['Patient'],
      paths: [{ steps: [{ name: 'subject' }], target: 'Patient' }],
    });
    expect(searchParameterOf('Provenance', 'target')?.targets).toBe('*');
    expect(searchParameterOf('Observation', 'category')?.kind).toBe('token');
    expect(searchParameterOf('Observation', '_lastUpdated')?.kind).toBe('date');
    expect(searchParameterOf('*', '_id')?.kind).toBe('token');
  });

  it.each([
    ['Observation', 'combo-value-concept', ['component.valueCodeableConcept', 'valueCodeableConcept']],
    ['MedicationRequest', 'medication', ['medicationReference']],
    ['MedicationRequest', 'code', ['medicationCodeableConcept']],
    ['Patient', 'email', ['telecom']],
    ['Appointment', 'location', ['participant.actor']],
    ['ActivityDefinition', 'composed-of', ['relatedArtifact.resource']],
    ['Goal', 'start-date', []],
    ['Patient', 'deceased', []],
    ['Observation', 'date', []],
  ] as const)('know where the values of %s?%s stand', (type, code, paths) => {
    const known = searchParameterOf(type, code)?.paths.map(({ steps }) => steps.map(({ name }) => name).join('.'));
    expect(known).toEqual(paths);
  });

  it('know the patient compartment, and which elements a resource must have', () => {
    expect(patientCompartmentOf('Observation')).toEqual(['subject', 'performer']);
    expect(patientCompartmentOf('Slot')).toEqual([]);
    expect(markedElementsOf('Observation')).toMatchObject({ mandatory: ['status', 'code'] });
    expect(markedElementsOf('Observation').summary).toContain('value*');
  });

  it('know no parameter of another type, and none that reaches further than its type', () => {
    expect(searchParameterOf('Patient', 'category')).toBeUndefined();
    expect(searchParameterOf('*', 'category')).toBeUndefined();
    for (const code of ['_has', '_filter', '_list', '_query', '_text', '_content', 'constructor', '']) {
      expect(searchParameterOf('Observation', code)).toBeUndefined();
    }
  });
});
