import fc from 'fast-check';
import { AbridgedJson } from './abridged-json.js';

/** The resource as it is left of JSON that comes in pieces of these sizes. */
function abridged(json: string, sizes: readonly number[]): AbridgedJson {
  const bytes = Buffer.from(json);
  const it = new AbridgedJson();
  for (let at = 0, step = 0; at < bytes.length; step++) {
    const size = sizes[step % sizes.length] ?? 1;
    it.take(bytes.subarray(at, (at += size)));
  }
  return it;
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

test('whatever stands in a resource, and however it comes, all but long texts is kept', () => {
  const long = fc.constantFrom('"', '\\', 'é', '\n', 'A').map((letter) => letter.repeat(1_100));
  const text = fc.oneof({ weight: 4, arbitrary: fc.string({ unit: 'binary' }) }, { weight: 1, arbitrary: long });
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 4 }, text, fc.integer(), fc.boolean(), tie('list'), tie('object')),
    list: fc.array(tie('any'), { maxLength: 4 }),
    object: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie('any'), { maxKeys: 4 }),
  })).object;
  const short = (it: unknown): unknown =>
    typeof it === 'string' && Buffer.byteLength(JSON.stringify(it)) > 1_024
      ? ''
      : Array.isArray(it)
        ? it.map(short)
        : typeof it === 'object' && it !== null
          ? Object.fromEntries(Object.entries(it).map(([key, each]: [string, unknown]) => [key, short(each)]))
          : it;
  fc.assert(
    fc.property(value, sizes, fc.boolean(), (more, some, isPretty) => {
      const resource = { resourceType: 'Observation', ...(more as object) };
      const json = JSON.stringify(resource, null, isPretty ? 2 : 0);
      expect(abridged(json, some).whole()).toEqual(JSON.parse(JSON.stringify(short(resource))));
    }),
    { numRuns: 500 },
  );
});

test('of what is there it tells the members that are complete, and which one is coming', () => {
  const json = '{"resourceType": "Binary", "id": "b1", "meta": {"tag": [{"code": "a"}, {"code": "b"}]}, "data" : "AAAA';
  for (const some of [[1], [7], [1_000]])
    expect(abridged(json, some).begun()).toEqual({
      resource: { resourceType: 'Binary', id: 'b1', meta: { tag: [{ code: 'a' }, { code: 'b' }] } },
      coming: 'data',
      isInLongText: false,
    });
  expect(abridged(json + 'A'.repeat(2_000), [7]).begun()).toMatchObject({ coming: 'data', isInLongText: true });
});

test.each([
  '{"resourceType":"Binary","id":"b1"',
  '{"resourceType":"Binary","id":"b1","id":"b2"}',
  '{"resourceType":"Binary"}{}',
  '["resourceType"]',
  'nothing of the kind',
  '',
])('what is no resource, or could be read in two ways, is none: %s', (json) => {
  expect(abridged(json, [3]).whole()).toBeUndefined();
});

test('long texts take no memory', () => {
  const it = new AbridgedJson();
  it.take(Buffer.from('{"resourceType":"Binary","data":"'));
  const piece = Buffer.alloc(65_536, 'A');
  for (let at = 0; at < 1_000; at++) it.take(piece);
  expect(it.length).toBeLessThan(1_200);
});
