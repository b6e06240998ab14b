import { standingTo } from './patient-record.js';

const bases = ['https://fhir.example/r4'];
const of = (resourceType: string, fields: object = {}) => standingTo('p1', { resourceType, id: 'x', ...fields }, bases);

test.each([
  ['the patient', of('Patient', { id: 'p1' }), { kind: 'theirs' }],
  ['another patient', of('Patient', { id: 'p2' }), { kind: 'foreign' }],
  ['an observation of theirs', of('Observation', { subject: { reference: 'Patient/p1' } }), { kind: 'theirs' }],
  ['one of another', of('Observation', { subject: { reference: 'Patient/p2' } }), { kind: 'foreign' }],
  ['one of nobody', of('Observation'), { kind: 'foreign' }],
  ['a practitioner', of('Practitioner'), { kind: 'nobodys' }],
  ['terminology', of('ValueSet'), { kind: 'foreign' }],
  ['a type that nobody knows', of('Spell'), { kind: 'foreign' }],
  ['a Binary without a context', of('Binary'), { kind: 'foreign' }],
  [
    'a provenance',
    of('Provenance', { target: [{ reference: 'Observation/o1' }] }),
    { kind: 'if-theirs', links: [{ type: 'Observation', id: 'o1' }] },
  ],
])('%s', (_what, standing, expected) => expect(standing).toMatchObject(expected));
