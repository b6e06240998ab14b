import { fhirUserOf } from './fhir-user.js';

const bases = ['https://g.example/fhir', 'https://ehr.example/r4'];

describe('whose resource a person is', () => {
  test.each([
    ['Patient/p1', 'Patient/p1'],
    ['https://g.example/fhir/Practitioner/x', 'Practitioner/x'],
    ['https://ehr.example/r4/RelatedPerson/r.1', 'RelatedPerson/r.1'],
  ])('[SMART 2.2 §5.1.1] %s', (claimed, found) => expect(fhirUserOf(claimed, bases)).toBe(found));

  test.each([
    undefined,
    '',
    'Device/d',
    'Patient',
    'Patient/',
    'Patient/p1/_history/1',
    'Patient/p1?x',
    '/Patient/p1',
    'Patient/../Practitioner/x',
    'https://evil.example/fhir/Patient/p1',
    'https://g.example/fhirx/Patient/p1',
  ])('nobody’s: %s', (claimed) => expect(fhirUserOf(claimed, bases)).toBeUndefined());
});
