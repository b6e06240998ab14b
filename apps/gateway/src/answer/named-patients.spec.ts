import { patientsOf } from './named-patients.js';

const bases = ['https://hapi.internal/fhir', 'https://gatehouse.example.org/fhir'];
const to = (reference: string) => ({ reference });
const observation = { resourceType: 'Observation', id: 'o', subject: to('Patient/p2') };

test.each<[string, { readonly resourceType: string }, readonly string[]]>([
  ['a member of the compartment', observation, ['p2']],
  ['a Task', { resourceType: 'Task', ...{ for: to('Patient/p1') } }, ['p1']],
  ['a type outside', { resourceType: 'Linkage', ...{ item: [{ resource: to(`${bases[1]}/Patient/p1`) }] } }, ['p1']],
  [
    'a Provenance of a patient and of something else',
    { resourceType: 'Provenance', ...{ target: [to('Patient/p1'), to('Observation/o'), to('urn:uuid:x')] } },
    ['p1'],
  ],
  ['a Binary', { resourceType: 'Binary', ...{ securityContext: to('Patient/p1') } }, ['p1']],
  ['what is contained', { resourceType: 'Organization', ...{ contained: [observation] } }, ['p2']],
  [
    'a Bundle within a Bundle',
    {
      resourceType: 'Bundle',
      ...{ entry: [{ resource: { resourceType: 'Bundle', entry: [{ resource: observation }] } }, { response: {} }] },
    },
    ['p2'],
  ],
  [
    'Parameters, by reference, by resource and by a part of a part',
    {
      resourceType: 'Parameters',
      ...{
        parameter: [
          { name: 'a', valueReference: to('Patient/p1') },
          { name: 'b', part: [{ name: 'c', resource: { resourceType: 'Patient', id: 'p3' } }] },
          { name: 'd', resource: observation },
        ],
      },
    },
    ['p1', 'p2', 'p3'],
  ],
  ['what is about nobody', { resourceType: 'Practitioner' }, []],
])('the patients of %s', (_what, resource, expected) => {
  expect([...new Set(patientsOf(resource, bases))].sort()).toEqual(expected);
});
