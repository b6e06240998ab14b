import { ConfiguredRights, readRightsRule } from './configured-rights.js';
import { rightsOfCall } from './rights-of-call.js';

const bases = ['https://gatehouse.example.org/fhir'];
const reach = (claims: { patient?: string; fhirUser?: string }, ...rules: string[]) => {
  const rights = new ConfiguredRights(new Map(rules.map(readRightsRule).filter((it) => it !== undefined)));
  const call = { subject: 's', clientId: 'c', applicationId: 'a', scopes: [], ...claims };
  const { patient, user } = rightsOfCall(call, rights, bases).reaches;
  return [patient, user].map((it) => (it.kind === 'patient' ? it.id : it.kind));
};

describe('whose data patient/ and user/ scopes reach', () => {
  test.each([
    ['a backend', {}, [], ['nobody', 'nobody']],
    ['a patient', { patient: 'p1', fhirUser: 'Patient/p1' }, [], ['p1', 'p1']],
    ['a patient, by a URL of ours', { patient: 'p1', fhirUser: `${bases[0]}/Patient/p1` }, [], ['p1', 'p1']],
    ['a patient without a patient in context', { fhirUser: 'Patient/p1' }, [], ['nobody', 'p1']],
    ['a patient who is another', { patient: 'p1', fhirUser: 'Patient/p2' }, [], ['nobody', 'p2']],
    [
      'a patient of another server',
      { patient: 'p1', fhirUser: 'https://other.example/Patient/p1' },
      [],
      ['nobody', 'nobody'],
    ],
    ['a user whom the token does not name', { patient: 'p1' }, ['Practitioner:everybody'], ['nobody', 'nobody']],
    ['a practitioner without a rule', { patient: 'p1', fhirUser: 'Practitioner/a' }, [], ['nobody', 'nobody']],
    [
      'one who sees everybody',
      { patient: 'p1', fhirUser: 'Practitioner/a' },
      ['Practitioner:everybody'],
      ['p1', 'everybody'],
    ],
    [
      'one who sees the patient in context',
      { patient: 'p1', fhirUser: 'Practitioner/a' },
      ['Practitioner:patient-in-context'],
      ['p1', 'p1'],
    ],
    [
      'one without a patient in context',
      { fhirUser: 'Practitioner/a' },
      ['Practitioner:patient-in-context'],
      ['nobody', 'nobody'],
    ],
    [
      'a relative without a rule',
      { patient: 'p1', fhirUser: 'RelatedPerson/r' },
      ['Practitioner:everybody'],
      ['nobody', 'nobody'],
    ],
  ])('%s', (_who, claims, rules, expected) => {
    expect(reach(claims, ...rules)).toEqual(expected);
  });

  test.each(['Patient:everybody', 'Practitioner:all', 'Practitioner', 'Practitioner:everybody:x', ''])(
    '%s is no rule',
    (text) => {
      expect(readRightsRule(text)).toBeUndefined();
    },
  );
});
