import { allResourceTypes, type ResourceType } from '../definitions/r4.js';
import { isAboutOthers, isOfPatient, linksOf, membershipOf, patientsNamedIn } from './patient-compartment.js';

const bases = ['https://hapi.internal/fhir', 'https://gatehouse.example.org/fhir'];
const to = (reference: string) => ({ reference });
const isP1s = (resourceType: ResourceType, elements: object) =>
  isOfPatient({ resourceType, id: 'x', ...elements }, resourceType, 'p1', bases);

describe('whom a resource is about decides', () => {
  it.each<[string, ResourceType, object]>([
    ['a relative reference', 'Observation', { subject: to('Patient/p1') }],
    ['a URL of the FHIR server', 'Observation', { subject: to('https://hapi.internal/fhir/Patient/p1') }],
    ['a URL of ours', 'Observation', { subject: to('https://gatehouse.example.org/fhir/Patient/p1') }],
    ['a version', 'Observation', { subject: to('Patient/p1/_history/3') }],
    ['another patient who took part', 'Observation', { subject: to('Patient/p1'), performer: [to('Patient/p2')] }],
    [
      'the beneficiary of a policy of somebody else',
      'Coverage',
      { beneficiary: to('Patient/p1'), subscriber: to('Patient/p2') },
    ],
    ['a type of the closed table', 'Device', { patient: to('Patient/p1') }],
    ['a type of the closed table', 'Contract', { subject: [to('Patient/p1')] }],
    ['a type of the closed table', 'GuidanceResponse', { subject: to('Patient/p1') }],
    ['nobody, and the patient took part', 'QuestionnaireResponse', { author: to('Patient/p1') }],
    [
      'a type that names only who takes part',
      'Appointment',
      { participant: [{ actor: to('Patient/p1') }, { actor: to('Practitioner/x') }] },
    ],
  ])('%s: %s', (_what, type, elements) => {
    expect(isP1s(type, elements)).toBe(true);
  });

  it.each<[string, ResourceType, object]>([
    ['another patient', 'Observation', { subject: to('Patient/p2') }],
    [
      'another patient, and the patient took part',
      'Observation',
      { subject: to('Patient/p2'), performer: [to('Patient/p1')] },
    ],
    ['a group, and the patient took part', 'Observation', { subject: to('Group/g'), performer: [to('Patient/p1')] }],
    [
      'somebody by identifier, and the patient took part',
      'Observation',
      { subject: { identifier: { value: '1' } }, performer: [to('Patient/p1')] },
    ],
    ['a contained patient', 'Observation', { subject: to('#p1') }],
    ['the patient of another server', 'Observation', { subject: to('http://other.example/fhir/Patient/p1') }],
    ['a patient whose id begins alike', 'Observation', { subject: to('Patient/p11') }],
    ['a URL that begins alike', 'Observation', { subject: to('https://hapi.internal/fhirx/Patient/p1') }],
    ['another type with that id', 'Observation', { subject: to('Device/p1') }],
    ['a reference that is none', 'Observation', { subject: 'Patient/p1x' }],
    ['several patients', 'Account', { subject: [to('Patient/p1'), to('Patient/p2')] }],
    [
      'several patients who take part',
      'Appointment',
      { participant: [{ actor: to('Patient/p1') }, { actor: to('Patient/p2') }] },
    ],
    ['a group with other members', 'Group', { member: [{ entity: to('Patient/p1') }, { entity: to('Patient/p2') }] }],
    [
      'the subscriber, and another is the beneficiary',
      'Coverage',
      { beneficiary: to('Patient/p2'), subscriber: to('Patient/p1') },
    ],
    ['nobody at all', 'Observation', {}],
    ['another patient of the closed table', 'Device', { patient: to('Patient/p2') }],
    ['a patient who is linked to', 'Patient', { link: [{ other: to('Patient/p1') }] }],
    ['a type outside', 'Slot', { schedule: to('Patient/p1') }],
    ['a shared type', 'Practitioner', { subject: to('Patient/p1') }],
  ])('not %s: %s', (_what, type, elements) => {
    expect(isP1s(type, elements)).toBe(false);
  });

  it('a Patient is the own patient’s alone', () => {
    expect(isOfPatient({ resourceType: 'Patient', id: 'p1' }, 'Patient', 'p1', bases)).toBe(true);
    expect(isOfPatient({ resourceType: 'Patient', id: 'p2' }, 'Patient', 'p1', bases)).toBe(false);
  });
});

it('every member of the compartment has elements to look at', () => {
  const blind = allResourceTypes.filter((type) => {
    const { kind, subjectPaths, actorPaths } = membershipOf(type);
    return kind === 'member' && subjectPaths.length + actorPaths.length === 0;
  });
  expect(blind).toEqual([]);
});

it('a Binary belongs to its security context, a Provenance to all its targets', () => {
  expect(linksOf({ resourceType: 'Binary', securityContext: to('DocumentReference/d') }, bases)).toEqual([
    { type: 'DocumentReference', id: 'd' },
  ]);
  expect(linksOf({ resourceType: 'Provenance', target: [to('Observation/o'), to('Patient/p1')] }, bases)).toHaveLength(
    2,
  );
  expect(
    linksOf({ resourceType: 'Provenance', target: [to('Observation/o'), to('urn:uuid:x')] }, bases),
  ).toBeUndefined();
  expect(linksOf({ resourceType: 'Binary' }, bases)).toBeUndefined();
  expect(linksOf({ resourceType: 'Observation', target: to('Patient/p1') }, bases)).toBeUndefined();
});

it.each<[string, ResourceType, object, boolean]>([
  ['a patient here', 'Observation', { subject: to('Patient/p1') }, false],
  ['nobody', 'Observation', {}, false],
  ['a patient of another server', 'Observation', { subject: to('http://other.example/fhir/Patient/p1') }, true],
  ['somebody by identifier', 'Observation', { subject: { identifier: { value: '1' } } }, true],
  ['a contained patient', 'Observation', { subject: to('#p1') }, true],
  ['a group', 'Observation', { subject: to('Group/g') }, true],
  ['a performer of another server', 'Observation', { performer: [to('http://other.example/fhir/Patient/p1')] }, true],
  ['a performer by a search', 'Observation', { performer: [to('Patient?identifier=1')] }, true],
  ['a performer by identifier', 'Observation', { performer: [{ identifier: { value: '1' } }] }, true],
  [
    'a practitioner by identifier',
    'Observation',
    { performer: [{ type: 'Practitioner', identifier: { value: '1' } }] },
    false,
  ],
  [
    'a practitioner of another server',
    'Observation',
    { performer: [to('http://other.example/Practitioner/1')] },
    false,
  ],
  ['somebody, in a type outside', 'Library', { subjectReference: { identifier: { value: '1' } } }, true],
  [
    'somebody elsewhere, deep within',
    'Slot',
    { extension: [{ valueReference: to('http://x.example/Patient/1') }] },
    true,
  ],
  ['a patient here, in a type outside', 'Slot', { schedule: to('Patient/p1') }, false],
  ['nobody, with an identifier of its own', 'Library', { identifier: [{ system: 'urn:x', value: '1' }] }, false],
  [
    'what contains somebody by identifier',
    'Observation',
    { contained: [{ resourceType: 'Condition', subject: { identifier: { value: '1' } } }] },
    true,
  ],
  [
    'what contains something about a patient here',
    'Slot',
    { contained: [{ resourceType: 'Condition', subject: to('Patient/p1') }] },
    false,
  ],
  [
    'what contains something about itself',
    'Patient',
    { contained: [{ resourceType: 'Condition', subject: to('#') }] },
    false,
  ],
  ['one who is a patient here, and one who is not', 'Account', { subject: [to('Patient/p1'), to('Device/d')] }, true],
])('about %s', (_whom, type, elements, isAbout) => {
  expect(isAboutOthers({ resourceType: type, id: 'x', ...elements }, type, bases)).toBe(isAbout);
});

it.each<[string, ResourceType, object, string[]]>([
  ['itself', 'Patient', {}, ['x']],
  ['whom it is about, once', 'Observation', { subject: to('Patient/p1'), performer: [to('Patient/p1')] }, ['p1']],
  ['anybody, of a type outside', 'Slot', { extension: [{ valueReference: to('Patient/p2') }] }, ['p2']],
  ['nobody, of a type that is shared', 'Organization', { partOf: to('Patient/p2') }, []],
  [
    'whom something is about that it contains',
    'Observation',
    { subject: to('Patient/p1'), contained: [{ resourceType: 'Condition', subject: to('Patient/p2') }] },
    ['p1', 'p2'],
  ],
  ['nobody by an id that counts within it', 'Observation', { contained: [{ resourceType: 'Patient', id: 'p2' }] }, []],
])('a resource names %s', (_whom, type, elements, expected) => {
  expect(patientsNamedIn({ resourceType: type, id: 'x', ...elements }, type, bases)).toEqual(expected);
});
