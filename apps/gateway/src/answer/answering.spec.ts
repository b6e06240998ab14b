import { parseScopes, systemReaches } from '#smart';
import { CallRights } from '../ask-rights/call-rights.js';
import { Answering } from './answering.js';

const told = { header: 'gatehouse-user', value: async () => 'a.b.c' };

/** What calls are answered with under these scopes. */
function answering(scopes: string, rights?: CallRights): Answering {
  const parsed = parseScopes(scopes.split(' '));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  const never = async () => await Promise.reject(new Error('nobody is asked'));
  const sight = { scopes: parsed.scopes, reaches: systemReaches, bases: [] };
  return new Answering(sight, 'http://upstream/fhir', never, rights);
}

test('nothing of a type is hidden where a scope reaches all of it, by the letter that is asked for', () => {
  expect(answering('system/Observation.u').reachesAllOf('Observation', 'u')).toBe(true);
  expect(answering('system/*.cruds').reachesAllOf('Observation', 'u')).toBe(true);
  for (const scopes of [
    'system/Observation.r',
    'system/Patient.u',
    'system/Observation.u?category=laboratory',
    'patient/Observation.u',
  ])
    expect([scopes, answering(scopes).reachesAllOf('Observation', 'u')]).toEqual([scopes, false]);
});

test('where the FHIR server keeps users apart itself something may be hidden, whatever the scopes say', () => {
  const rights = new CallRights([], told, ['upstream']);
  expect(answering('system/*.cruds', rights).reachesAllOf('Observation', 'u')).toBe(false);
  expect(answering('system/*.cruds', new CallRights([], undefined, [])).reachesAllOf('Observation', 'u')).toBe(true);
});
