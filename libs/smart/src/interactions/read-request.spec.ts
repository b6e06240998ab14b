import fc from 'fast-check';
import { allResourceTypes } from '../definitions/r4.js';
import { readRequest, type FhirRequest } from './read-request.js';
import { splitTarget, targetLimits } from './request-target.js';

const request = (line: string, more: Partial<FhirRequest> = {}): FhirRequest => {
  const [method = '', target = ''] = line.split(' ');
  const mark = target.indexOf('?');
  const [path, query] = mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
  return { method, path, query, headers: {}, ...more };
};
const read = (line: string, more?: Partial<FhirRequest>) => readRequest(request(line, more));
const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' } };

describe('a request is recognised', () => {
  it.each([
    ['GET /Patient/p1', { kind: 'read', type: 'Patient', id: 'p1' }],
    ['HEAD /Patient/p1', { kind: 'read', type: 'Patient', id: 'p1' }],
    ['GET /Patient/p1.2-3', { kind: 'read', type: 'Patient', id: 'p1.2-3' }],
    ['GET /Patient/p1/_history/2', { kind: 'vread', type: 'Patient', id: 'p1', versionId: '2' }],
    ['GET /Patient/p1/_history', { kind: 'history-instance', type: 'Patient', id: 'p1' }],
    ['GET /Patient/_history', { kind: 'history-type', type: 'Patient' }],
    ['GET /_history', { kind: 'history-system' }],
    ['PUT /Patient/p1', { kind: 'update', type: 'Patient', id: 'p1' }],
    ['PATCH /Patient/p1', { kind: 'patch', type: 'Patient', id: 'p1' }],
    ['DELETE /Patient/p1', { kind: 'delete', type: 'Patient', id: 'p1' }],
    ['POST /Patient', { kind: 'create', type: 'Patient' }],
    ['PUT /Patient?identifier=a', { kind: 'conditional-update', type: 'Patient' }],
    ['PUT /Patient', { kind: 'conditional-update', type: 'Patient' }],
    ['PATCH /Patient?identifier=a', { kind: 'conditional-patch', type: 'Patient' }],
    ['DELETE /Patient?identifier=a', { kind: 'conditional-delete', type: 'Patient' }],
    ['GET /Patient', { kind: 'search-type', type: 'Patient', via: 'get' }],
    ['GET /?_type=Patient', { kind: 'search-system', via: 'get' }],
    ['GET ', { kind: 'search-system', via: 'get' }],
    ['POST /', { kind: 'batch-or-transaction' }],
    ['POST ', { kind: 'batch-or-transaction' }],
    ['GET /metadata', { kind: 'capabilities' }],
    ['POST /$graphql', { kind: 'operation', level: 'system', name: 'graphql', via: 'post' }],
    ['GET /Patient/$export', { kind: 'operation', level: 'type', type: 'Patient', name: 'export', via: 'get' }],
    [
      'GET /Patient/p1/$everything',
      { kind: 'operation', level: 'instance', type: 'Patient', id: 'p1', name: 'everything' },
    ],
  ])('%s', (line, interaction) => {
    expect(read(line)).toMatchObject(interaction);
  });

  it('with the parameters of the query, decoded once, repeated ones kept', () => {
    expect(
      read('GET /Observation?%70atient=p1&date=ge2020&date=le2021&code=http://loinc.org|1%2C2&note=a+b%2520'),
    ).toMatchObject({
      params: [
        { name: 'patient', value: 'p1' },
        { name: 'date', value: 'ge2020' },
        { name: 'date', value: 'le2021' },
        { name: 'code', value: 'http://loinc.org|1,2' },
        { name: 'note', value: 'a b%20' },
      ],
    });
  });

  it('as a search by POST, by its URL and its form together', () => {
    expect(read('POST /Observation/_search?patient=p1', { ...form, form: 'code=a' })).toEqual({
      kind: 'search-type',
      type: 'Observation',
      via: 'post',
      params: [
        { name: 'patient', value: 'p1' },
        { name: 'code', value: 'a' },
      ],
    });
    expect(read('POST /_search', { ...form, form: '_type=Patient' })).toMatchObject({
      kind: 'search-system',
      via: 'post',
    });
  });

  it('as a conditional creation by its header', () => {
    expect(read('POST /Patient', { headers: { 'If-None-Exist': 'identifier=a' } })).toMatchObject({
      kind: 'conditional-create',
      condition: [{ name: 'identifier', value: 'a' }],
    });
  });
});

describe('a request is not recognised', () => {
  it.each([
    'GET //Patient/p1',
    'GET /Patient//p1',
    'GET /Patient/p1/',
    'GET /Patient/',
    'GET /%50atient/p1',
    'GET /Patient%2Fp1',
    'GET /Patient/p1%2F..%2Fp2',
    'GET /Patient/%252e%252e/p1',
    'GET /Patient/p1%00',
    'GET /Patient/p1\u0000',
    'GET /Patient/../Observation',
    'GET /Patient/.',
    'GET /Patient/..',
    'GET /./Patient/p1',
    'GET /Patient;a=b/p1',
    'GET /Patient/p1;v=2',
    'GET /Patient\\p1',
    'GET /Patient/p1#x',
    'GET /Patient/p_1',
    `GET /Patient/${'a'.repeat(65)}`,
    `GET /Patient/${'a'.repeat(targetLimits.path)}`,
    'GET http://other.example/fhir/Patient/p1',
    'GET Patient/p1',
    'GET /patient/p1',
    'GET /Pátient/p1',
    'GET /Resource/p1',
    'GET /constructor/p1',
    'GET /Patient/p1/Observation',
    'GET /Patient/p1/*',
    'GET /Patient/p1/_history/1/2',
    'GET /Patient/p1/_history/',
    'DELETE /Patient/p1/_history',
    'DELETE /Patient/p1/_history/1',
    'GET /Patient/_search?name=a',
    'PUT /Patient/_search',
    'POST /Patient/p1',
    'POST /Patient/_history',
    'POST /metadata',
    'GET /metadata/x',
    'GET /swagger-ui',
    'GET /.well-known/smart-configuration',
    'DELETE /',
    'PUT /',
    'DELETE /Patient/$everything',
    'GET /Patient/$',
    'GET /Patient/$every_thing',
    'GET /Patient/p1/$meta/x',
    'OPTIONS /Patient',
    'TRACE /Patient',
    'get /Patient/p1',
    'SEARCH /Patient',
    'GET /Patient?name',
    'GET /Patient?=a',
    'GET /Patient?name=a&',
    'GET /Patient?&name=a',
    'GET /Patient?name=a;gender=male',
    'GET /Patient?name=a#b',
    'GET /Patient?name=%',
    'GET /Patient?name=%zz',
    'GET /Patient?name=%ff',
    'GET /Patient?name=%c0%af',
    'GET /Patient?name=a%00',
    'GET /Patient?name=a%0d%0aX:%20y',
    'GET /Patient?na%0ame=a',
    'GET /Patient?name=é',
    `GET /Patient?name=${'a'.repeat(targetLimits.query)}`,
    `GET /Patient?${Array.from({ length: targetLimits.parameters + 1 }, () => 'name=a').join('&')}`,
  ])('%j', (line) => {
    expect(read(line)).toEqual({ kind: 'unrecognised', reason: expect.any(String) });
  });

  it.each(['X-HTTP-Method-Override', 'x-http-method', 'X-Method-Override'])('with a %s header', (name) => {
    expect(read('POST /Patient', { headers: { [name]: 'DELETE' } }).kind).toBe('unrecognised');
  });

  it('as a search by POST without a form, of another content type, or with two', () => {
    expect(read('POST /Patient/_search', form).kind).toBe('unrecognised');
    for (const type of [
      undefined,
      'application/json',
      'application/x-www-form-urlencoded; charset=utf-16',
      'application/x-www-form-urlencodedx',
    ]) {
      expect(read('POST /Patient/_search', { headers: { 'content-type': type }, form: 'name=a' }).kind).toBe(
        'unrecognised',
      );
    }
    const twice = { 'content-type': form.headers['content-type'], 'Content-Type': 'application/json' };
    expect(read('POST /Patient/_search', { headers: twice, form: 'name=a' }).kind).toBe('unrecognised');
    expect(read('POST /Patient/_search', { ...form, form: 'name=%' }).kind).toBe('unrecognised');
  });

  it.each(['', 'identifier', 'identifier=a#b'])('with the If-None-Exist %j', (value) => {
    expect(read('POST /Patient', { headers: { 'if-none-exist': value } }).kind).toBe('unrecognised');
    expect(read('POST /Patient', { headers: { 'if-none-exist': ['identifier=a', 'identifier=b'] } }).kind).toBe(
      'unrecognised',
    );
  });
});

it('recognises a path only where type and id stand in it letter by letter', () => {
  const piece = fc.oneof(
    fc.constantFrom('Patient', 'p1', '_history', '..', '', '$x', '%2e', ';', 'metadata'),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.constantFrom('GET', 'PUT', 'DELETE'), fc.array(piece, { maxLength: 5 }), (method, pieces) => {
      const path = `/${pieces.join('/')}`;
      const interaction = readRequest({ method, path, query: '', headers: {} });
      if (!('type' in interaction)) return;
      expect(allResourceTypes).toContain(interaction.type);
      expect(path.split('/')[1]).toBe(interaction.type);
      if ('id' in interaction) {
        expect(path.split('/')[2]).toBe(interaction.id);
        expect(interaction.id).toMatch(/^[A-Za-z0-9\-.]{1,64}$/);
        expect(interaction.id).not.toMatch(/^\.+$/);
      }
    }),
    { numRuns: 1000 },
  );
});

describe('a target is taken apart below its mount', () => {
  it.each([
    ['/fhir', { path: '', query: '' }],
    ['/fhir/', { path: '/', query: '' }],
    ['/fhir?_type=Patient', { path: '', query: '_type=Patient' }],
    ['/fhir/Patient/p1?a=b?c', { path: '/Patient/p1', query: 'a=b?c' }],
    ['/fhir//Patient', { path: '//Patient', query: '' }],
  ])('%s', (target, parts) => {
    expect(splitTarget(target, '/fhir')).toEqual(parts);
  });

  it.each([
    '//fhir/Patient',
    '/FHIR/Patient',
    '/fhirx/Patient',
    '/%66hir/Patient',
    'http://a/fhir/Patient',
    '*',
    '/a/../fhir',
    '/fhir;a/Patient',
  ])('%s is not below it', (target) => {
    expect(splitTarget(target, '/fhir')).toBeUndefined();
  });
});
