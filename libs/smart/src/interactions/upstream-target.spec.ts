import { FhirRouter } from '@medplum/fhir-router';
import fc from 'fast-check';
import { readRequest } from './read-request.js';
import { upstreamTarget } from './upstream-target.js';

const send = (method: string, path: string, query = '', form?: string) =>
  upstreamTarget(
    readRequest({
      method,
      path,
      query,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      ...(form === undefined ? {} : { form }),
    }),
  );

it.each([
  ['GET', '/Patient/p1', '_format=json&_pretty=true', { method: 'GET', target: '/Patient/p1' }],
  ['HEAD', '/Patient/p1', '', { method: 'GET', target: '/Patient/p1' }],
  ['GET', '/Patient/p1/_history/2', '', { method: 'GET', target: '/Patient/p1/_history/2' }],
  [
    'GET',
    '/Observation',
    '%70atient=p1&code=a|b+c%26',
    { method: 'GET', target: '/Observation?patient=p1&code=a%7Cb%20c%26' },
  ],
  ['GET', '', '_type=Patient', { method: 'GET', target: '/?_type=Patient' }],
  ['GET', '/_history', '', { method: 'GET', target: '/_history' }],
  ['POST', '/Patient', '', { method: 'POST', target: '/Patient' }],
  ['PUT', '/Patient/p1', '', { method: 'PUT', target: '/Patient/p1' }],
  ['DELETE', '/Patient/p1', '', { method: 'DELETE', target: '/Patient/p1' }],
])('%s %s?%s', (method, path, query, target) => {
  expect(send(method, path, query)).toEqual(target);
});

it('a search by POST stays one, all of it in the form', () => {
  expect(send('POST', '/Patient/_search', 'name=a', '_format=json&gender=male')).toEqual({
    method: 'POST',
    target: '/Patient/_search',
    form: 'name=a&gender=male',
  });
});

it.each([
  ['PATCH', '/Patient/p1'],
  ['PUT', '/Patient'],
  ['DELETE', '/Patient'],
  ['POST', '/'],
  ['GET', '/metadata'],
  ['GET', '/Patient/$export'],
  ['GET', '/Patient/'],
])('%s %s is not sent', (method, path) => {
  expect(send(method, path)).toBeUndefined();
});

it('what is sent is read as what was judged', () => {
  const text = fc.string({ unit: 'grapheme' }).filter((it) => !/[\p{Cc}\p{Cs}]/u.test(it));
  const params = fc.array(fc.record({ name: text.filter((it) => it !== '' && !it.startsWith('_')), value: text }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(params, (given) => {
      const interaction = { kind: 'search-type', type: 'Patient', via: 'get', params: given } as const;
      const [path = '', query = ''] = upstreamTarget(interaction)?.target.split('?') ?? [];
      expect(readRequest({ method: 'GET', path, query, headers: {} })).toEqual(interaction);
    }),
  );
});

it('a real router finds in it the type, the id and the interaction that were judged', () => {
  const router = new FhirRouter();
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('Patient', 'Observation', 'p1', 'a.b-c', '_history', '_search', '2') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', '.', '..', '%2e%2e', '%50atient', 'p1;x', '$everything', 'p1?x=y', 'Patient#'),
    },
  );
  const query = fc.constantFrom('', 'name=a', '_id=p2', 'x=%26_method=DELETE', 'a=b?/Observation/o1', 'name=a%23b');
  let sent = 0;
  fc.assert(
    fc.property(
      fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE'),
      fc.array(piece, { minLength: 1, maxLength: 4 }),
      query,
      (method, pieces, text) => {
        const headers = { 'content-type': 'application/x-www-form-urlencoded' };
        const judged = readRequest({ method, path: `/${pieces.join('/')}`, query: text, headers, form: '' });
        const target = upstreamTarget(judged);
        if (!target || !('type' in judged) || judged.kind === 'history-type') return;
        const route = router.find(target.method, target.target);
        expect(route?.data?.interaction).toBe(judged.kind);
        expect(route?.params).toEqual({
          resourceType: judged.type,
          ...('id' in judged ? { id: judged.id } : {}),
          ...('versionId' in judged ? { vid: judged.versionId } : {}),
        });
        sent += 1;
      },
    ),
    { numRuns: 2000 },
  );
  expect(sent).toBeGreaterThan(100);
});
