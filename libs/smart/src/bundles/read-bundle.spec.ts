import { readExactJson } from '../writes/exact-json.js';
import { readBundle } from './read-bundle.js';

const bundle = (...entry: object[]) => ({ resourceType: 'Bundle', type: 'batch', entry });
const only = (entry: object) => {
  const read = readBundle(bundle(entry), 10);
  return read.ok ? read.entries[0] : undefined;
};
const base64 = (text: string) => Buffer.from(text).toString('base64');

it('an entry is read as the request that it would be by itself', () => {
  expect(
    only({
      fullUrl: 'urn:oid:1.2.3',
      resource: { resourceType: 'Patient' },
      request: { method: 'POST', url: 'Patient?_format=json', ifNoneExist: 'identifier=a' },
    }),
  ).toEqual({
    ok: true,
    request: { method: 'POST', path: '/Patient', query: '_format=json', headers: { 'if-none-exist': 'identifier=a' } },
    body: { resourceType: 'Patient' },
    fullUrl: 'urn:oid:1.2.3',
  });
  const read = only({ request: { method: 'GET', url: '?_type=Patient', ifNoneMatch: 'W/"1"' } });
  expect(read).toMatchObject({ request: { path: '/', query: '_type=Patient' }, ifNoneMatch: 'W/"1"' });
});

it('a patch is what its Binary holds, its numbers with their digits', () => {
  const patch = (text: string, contentType = 'application/json-patch+json; charset=utf-8') =>
    only({
      resource: { resourceType: 'Binary', contentType, data: base64(text) },
      request: { method: 'PATCH', url: 'Observation/o1' },
    });
  const read = patch('[{"op":"add","path":"/valueDecimal","value":1.50}]');
  expect(read?.ok && JSON.stringify(read.body)).toBe('[{"op":"add","path":"/valueDecimal","value":1.50}]');
  expect(patch('[{"op":"add","op":"remove"}]')).toMatchObject({ ok: false, why: 'malformed' });
  expect(patch('{')).toMatchObject({ ok: false, why: 'malformed' });
  expect(patch('[]', 'application/fhir+json')).toMatchObject({ ok: false, why: 'unsupported', method: 'PATCH' });
  const bytes = Buffer.from([0xff, 0xfe]).toString('base64');
  const resource = { resourceType: 'Binary', contentType: 'application/json-patch+json', data: bytes };
  expect(only({ resource, request: { method: 'PATCH', url: 'a/b' } })).toMatchObject({
    reason: 'a patch is not UTF-8',
  });
});

it('the number of entries is bounded, and a fault of one is its own', () => {
  const get = { request: { method: 'GET', url: 'Patient/p1' } };
  expect(readBundle(bundle(get, get), 2)).toMatchObject({ ok: true, entries: [{ ok: true }, { ok: true }] });
  expect(readBundle(bundle(get, get, get), 2)).toEqual({ ok: false, reason: 'a Bundle has at most 2 entries' });
  expect(readBundle(bundle(get, { request: { method: 'GET' } }), 2)).toMatchObject({
    entries: [{ ok: true }, { ok: false, why: 'malformed', method: 'GET' }],
  });
});

it('nothing of what a caller wrote stands in a reason', () => {
  const secret = 'p-4711';
  for (const entry of [
    { request: { method: secret, url: 'a' } },
    { request: { method: 'GET', url: `/${secret}` } },
    { request: { method: 'GET', url: 'a', [secret]: 1 } },
    { fullUrl: secret, request: { method: 'GET', url: 'a' } },
    { [secret]: 1, request: { method: 'GET', url: 'a' } },
  ]) {
    const read = only(entry);
    expect(read && !read.ok && read.reason).not.toContain(secret);
    expect(read?.ok).toBe(false);
  }
});

it('what the bytes say twice was refused before', () => {
  expect(readExactJson('{"type":"batch","type":"transaction"}').ok).toBe(false);
});
