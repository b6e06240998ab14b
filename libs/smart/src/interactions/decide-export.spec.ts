import { parseScopes } from '../scopes/parse-scope.js';
import { systemReaches, type Reaches } from '../sight/sight.js';
import { Withholding } from '../sight/withholding.js';
import { exportExtent, exportedTypes } from './decide-export.js';
import { decideInteraction } from './decide-interaction.js';
import { readRequest } from './read-request.js';

const scopesOf = (text: string) => {
  const parsed = parseScopes(text.split(' '));
  if (!parsed.ok) throw new Error('no scope');
  return parsed.scopes;
};
const withheld: Reaches = { ...systemReaches, withheld: new Withholding([{ name: 'x', patients: ['p2'] }], []) };
const ofPatient: Reaches = { ...systemReaches, patient: { kind: 'patient', id: 'p1' } };
const decided = (scope: string, target: string, reaches = systemReaches, method = 'GET') => {
  const [path = '', query = ''] = target.split('?');
  return decideInteraction(scopesOf(scope), readRequest({ method, path, query, headers: {} }), reaches);
};

test.each([
  ['system/*.rs', '/$export'],
  ['system/*.s', '/$export?_type=Patient,Provenance&_since=2026-01-01T00:00:00Z&_outputFormat=ndjson'],
  ['system/Patient.rs system/Observation.rs', '/$export'],
  ['system/Observation.rs?category=laboratory', '/$export?_type=Observation'],
  ['system/Observation.rs', '/Patient/$export?_type=Observation'],
  ['system/Observation.rs system/Group.r', '/Group/g1/$export?_type=Observation'],
])('%s lets %s in, and the request proves nothing', (scope, target) => {
  expect(decided(scope, target)).toMatchObject({ outcome: 'allow', whole: false });
});

test.each([
  ['system/Observation.rs', '/$export?_type=Patient,Observation', ['system/Patient.s']],
  ['system/Observation.r', '/$export?_type=Observation', ['system/Observation.s']],
  ['system/Observation.rs', '/Group/g1/$export', ['system/Group.r']],
  ['patient/*.rs', '/Patient/$export?_type=Observation', ['system/Observation.s']],
])('%s does not let %s in', (scope, target, wouldAllow) => {
  expect(decided(scope, target, ofPatient)).toMatchObject({ outcome: 'deny', reason: 'not-granted', wouldAllow });
});

test.each([
  ['/Observation/$export', 'a type that is no patient’s level'],
  ['/Patient/p1/$export', 'one patient'],
  ['/$export?_type=Binary', 'what is seen by what it belongs to'],
  ['/Patient/$export?_type=Provenance', 'what belongs to something, of patients'],
  ['/Patient/$export?_type=ValueSet', 'what is nobody’s, of patients'],
  ['/$export?_typeFilter=Patient%3Fa', 'a filter'],
  ['/$export?_since=yesterday', 'a time that is none'],
  ['/$export?_outputFormat=text/csv', 'another format'],
  ['/$export-status?_job=x', 'an address that was not opened'],
])('%s is refused under every scope: %s', (target) => {
  expect(decided('system/*.cruds', target)).toMatchObject({ outcome: 'deny', reason: 'not-enforced' });
});

test('an export of all types, of which something is withheld, names them', () => {
  expect(decided('system/*.rs', '/$export', withheld)).toMatchObject({ reason: 'not-enforced' });
  expect(decided('system/*.rs', '/$export?_type=Patient', withheld)).toMatchObject({ outcome: 'allow' });
  expect(decided('system/*.rs', '/$export?_type=Provenance', withheld)).toMatchObject({ reason: 'not-enforced' });
});

test('without _type it is of the types that the scopes name, without those that cannot be judged', () => {
  const scopes = scopesOf('system/Observation.rs system/Binary.rs system/Patient.r user/Condition.rs');
  expect(exportedTypes([], 'system', scopes, systemReaches)).toEqual(['Observation']);
  expect(exportedTypes([], 'system', scopesOf('system/*.rs'), systemReaches)).toBe('any');
  expect(exportedTypes([], 'system', scopesOf('system/*.rs'), withheld)).toEqual([]);
});

test('a type is whole where no line of it can be hidden', () => {
  const all = scopesOf('system/*.rs');
  expect(exportExtent('Observation', 'system', all, systemReaches)).toBe('whole');
  expect(exportExtent('Observation', 'group', all, systemReaches)).toBe('part');
  expect(exportExtent('Observation', 'system', all, withheld)).toBe('part');
  expect(exportExtent('Provenance', 'system', all, withheld)).toBeUndefined();
});

test('a type about whose resources somebody has to be asked is exported in part, but for what belongs to something', () => {
  const types = ['Observation', 'Provenance'];
  const asked: Reaches = { ...systemReaches, asked: { concerns: (_context, type) => types.includes(type) } };
  expect(decided('system/*.rs', '/$export?_type=Observation', asked)).toMatchObject({ outcome: 'allow' });
  expect(decided('system/*.rs', '/$export?_type=Provenance', asked)).toMatchObject({ reason: 'not-enforced' });
  expect(decided('system/*.rs', '/$export?_type=Condition', asked)).toMatchObject({ outcome: 'allow' });
  expect(decided('system/*.rs', '/$export', asked)).toMatchObject({ reason: 'not-enforced' });
});

test('DELETE ends an export, and calls no other operation', () => {
  expect(readRequest({ method: 'DELETE', path: '/$export-status', query: '_job=a', headers: {} })).toMatchObject({
    kind: 'operation',
    name: 'export-status',
    via: 'delete',
  });
  for (const path of ['/$export', '/$export-file', '/Patient/$export-status', '/Patient/$everything'])
    expect(readRequest({ method: 'DELETE', path, query: '', headers: {} })).toMatchObject({ kind: 'unrecognised' });
});
