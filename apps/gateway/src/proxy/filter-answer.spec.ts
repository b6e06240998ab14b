import { type FhirInteraction, parseScopes, type Scope } from '#smart';
import { filterAnswer } from './filter-answer.js';

const at = { upstream: 'http://hapi.internal:8080/fhir', base: 'https://gatehouse.example.org/fhir' };
const search: FhirInteraction = { kind: 'search-type', type: 'Observation', via: 'get', params: [] };
const read: FhirInteraction = { kind: 'read', type: 'Observation', id: 'o1', params: [] };

function scopes(...texts: string[]): readonly Scope[] {
  const parsed = parseScopes(texts);
  if (!parsed.ok) throw new Error('not scopes');
  return parsed.scopes;
}

const granted = scopes('system/Observation.rs');
const bundleOf = (...types: string[]) => ({
  resourceType: 'Bundle',
  type: 'searchset',
  total: types.length,
  entry: types.map((resourceType) => ({ resource: { resourceType, id: 'x' } })),
});
const typesIn = (body: unknown) =>
  (body as { entry: { resource: { resourceType: string } }[] }).entry.map(({ resource }) => resource.resourceType);

describe('what of an answer is handed on', () => {
  test('entries of types that are not granted are dropped, and the total that counted them', () => {
    const filtered = filterAnswer(bundleOf('Observation', 'Patient', 'Observation'), search, granted, at);
    if (!filtered.ok) throw new Error(filtered.reason);
    expect(typesIn(filtered.body)).toEqual(['Observation', 'Observation']);
    expect(filtered.body).not.toHaveProperty('total');
  });

  test('a bundle in which nothing is dropped keeps its total', () => {
    const filtered = filterAnswer(bundleOf('Observation'), search, granted, at);
    expect(filtered).toMatchObject({ ok: true, body: { total: 1 } });
  });

  test.each(['Binary', 'Bundle', 'Parameters', 'OperationOutcome'])(
    'an entry that is a %s is dropped under any scope',
    (type) => {
      const filtered = filterAnswer(bundleOf(type), search, scopes('system/*.cruds'), at);
      expect(filtered).toMatchObject({ ok: true, body: { entry: [] } });
    },
  );

  test('a scope for a patient, a granular one and one to write grant no entry', () => {
    const others = scopes(
      'patient/Observation.rs',
      'system/Observation.rs?category=laboratory',
      'system/Observation.cud',
    );
    expect(filterAnswer(bundleOf('Observation'), search, others, at)).toMatchObject({ ok: true, body: { entry: [] } });
  });

  test('a deletion in a history is judged by the type in its URL', () => {
    const history: FhirInteraction = { kind: 'history-type', type: 'Observation', params: [] };
    const entry = [
      { request: { method: 'DELETE', url: 'Observation/o1' } },
      { request: { method: 'DELETE', url: `${at.upstream}/Patient/p1` } },
    ];
    const filtered = filterAnswer({ resourceType: 'Bundle', type: 'history', entry }, history, granted, at);
    expect(filtered).toMatchObject({ ok: true, body: { entry: [entry[0]] } });
  });

  test.each([
    ['another id', { resourceType: 'Observation', id: 'o2' }],
    ['another type', { resourceType: 'Patient', id: 'o1' }],
    ['no resource', [{ resourceType: 'Observation', id: 'o1' }]],
    ['nothing', null],
  ])('a read that is answered with %s is not handed on', (_what, answer) => {
    expect(filterAnswer(answer, read, granted, at)).toMatchObject({ ok: false });
  });

  test('a search that is answered with a resource is not handed on', () => {
    expect(filterAnswer({ resourceType: 'Observation', id: 'o1' }, search, granted, at)).toMatchObject({ ok: false });
  });

  test('URLs of the upstream become ours wherever they stand; other URLs that begin alike do not', () => {
    const observation = {
      resourceType: 'Observation',
      id: 'o1',
      subject: { reference: `${at.upstream}/Patient/p1` },
      text: { div: `<a href="${at.upstream}/Observation/o1">self</a> and ${at.upstream}?x=1 and ${at.upstream}` },
      note: [{ text: `${at.upstream}x/y http://hapiXinternal:8080/fhir/z` }],
    };
    const filtered = filterAnswer(observation, read, granted, at);
    expect(filtered).toEqual({
      ok: true,
      body: {
        ...observation,
        subject: { reference: `${at.base}/Patient/p1` },
        text: { div: `<a href="${at.base}/Observation/o1">self</a> and ${at.base}?x=1 and ${at.base}` },
      },
    });
  });
});
