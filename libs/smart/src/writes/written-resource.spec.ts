import { readWritten } from './written-resource.js';

const observation = { resourceType: 'Observation', status: 'final' };

it.each<[string, object]>([
  ['another type', { ...observation, resourceType: 'Patient' }],
  ['no type', { status: 'final' }],
  ['another id', { ...observation, id: 'o2' }],
  ['no id', observation],
  ['a list', [observation]],
  ['a reference by search', { ...observation, id: 'o1', subject: { reference: 'Patient?identifier=1' } }],
  ['one deep inside', { ...observation, id: 'o1', extension: [{ valueReference: { reference: 'Patient?name=a' } }] }],
])('not written over Observation/o1: %s', (_what, body) => {
  expect(readWritten(body, 'Observation', 'o1').ok).toBe(false);
});

it('a new one loses what only the server gives', () => {
  const body = { ...observation, id: 'o1', meta: { versionId: '7', lastUpdated: '2020-01-01T00:00:00Z' } };
  expect(readWritten(body, 'Observation')).toEqual({ ok: true, resource: observation });
});

it('one that is there keeps its id, and what its meta says but for its version', () => {
  const body = { ...observation, id: 'o1', meta: { versionId: '7', tag: [{ code: 'a' }] } };
  expect(readWritten(body, 'Observation', 'o1')).toEqual({
    ok: true,
    resource: { ...observation, id: 'o1', meta: { tag: [{ code: 'a' }] } },
  });
});
