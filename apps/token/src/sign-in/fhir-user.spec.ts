import { FhirEndpoints } from '#fhir-endpoints';
import { fhirUserAt } from './fhir-user.js';

const endpointAt = (base: string, url: string) => ({ id: 'x', path: '/fhir', base, upstream: { url } });
const here = endpointAt('https://g.example/fhir', 'https://ehr.example/r4');
const north = endpointAt('https://g.example/fhir/north', 'https://north.example/r4');
const south = endpointAt('https://g.example/fhir/south', 'https://south.example/r4');

describe('whose resource a person is', () => {
  const at = (claimed: string | undefined) => fhirUserAt(claimed, here, new FhirEndpoints([here]));

  test.each([
    ['Patient/p1', 'Patient/p1'],
    ['https://g.example/fhir/Practitioner/x', 'Practitioner/x'],
    ['https://ehr.example/r4/RelatedPerson/r.1', 'RelatedPerson/r.1'],
  ])('[SMART 2.2 §5.1.1] %s', (claimed, found) => expect(at(claimed)).toBe(found));

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
  ])('nobody’s: %s', (claimed) => expect(at(claimed)).toBeUndefined());
});

describe('with several endpoints', () => {
  const both = new FhirEndpoints([north, south]);

  test('a URL names somebody at its own endpoint', () => {
    expect(fhirUserAt('https://g.example/fhir/north/Patient/p1', north, both)).toBe('Patient/p1');
    expect(fhirUserAt('https://north.example/r4/Patient/p1', north, both)).toBe('Patient/p1');
    expect(fhirUserAt('https://g.example/fhir/north/Patient/p1', south, both)).toBeUndefined();
  });

  test('a relative reference names nobody: the same id is somebody else elsewhere', () => {
    expect(fhirUserAt('Patient/p1', north, both)).toBeUndefined();
  });
});
