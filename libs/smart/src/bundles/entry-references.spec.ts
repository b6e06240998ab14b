import { readExactJson } from '../writes/exact-json.js';
import { isPlaceholder, linkEntries, refersTo } from './entry-references.js';

const one = 'urn:uuid:0b9c2a4e-6b9b-4a32-9b1f-000000000001';
const targets = new Map([[one, 'Patient/p1']]);
const observation = (more: object) => ({ resourceType: 'Observation', ...more });

it('references to an entry are replaced wherever a Reference stands, and nothing else is', () => {
  const read = readExactJson(
    `{"resourceType":"Observation","subject":{"reference":"${one}","display":"x"},"valueDecimal":1.50,
      "extension":[{"valueReference":{"reference":"${one}"}}],"focus":[{"reference":"Patient/p2"}],"identifier":[{"value":"urn:uuid:1"}]}`,
  );
  const linked = linkEntries(read.ok ? (read.value as { resourceType: string }) : observation({}), targets);
  expect(linked.ok && JSON.stringify(linked.resource)).toBe(
    '{"resourceType":"Observation","subject":{"reference":"Patient/p1","display":"x"},"valueDecimal":1.50,' +
      '"extension":[{"valueReference":{"reference":"Patient/p1"}}],"focus":[{"reference":"Patient/p2"}],"identifier":[{"value":"urn:uuid:1"}]}',
  );
});

it.each<[string, object]>([
  ['a name that no entry has', { subject: { reference: 'urn:uuid:0b9c2a4e-6b9b-4a32-9b1f-000000000002' } }],
  ['an OID that no entry has', { subject: { reference: 'urn:oid:1.2.3' } }],
  ['a name in other letters', { subject: { reference: one.toUpperCase() } }],
  ['a name in a text', { note: [{ text: `see ${one}` }] }],
  ['a name as a value', { identifier: [{ value: one.toUpperCase() }] }],
  ['a name that is encoded', { text: { div: `<a href="${encodeURIComponent(one)}">` } }],
  ['a name with more behind it', { subject: { reference: `${one}#a` } }],
  ['a name with more before it', { subject: { reference: `Patient/${one}` } }],
])('refused: %s', (_what, more) => {
  expect(linkEntries(observation(more), targets).ok).toBe(false);
});

it('what refers to an entry is found at any depth, in any letters', () => {
  const names = new Set([one]);
  expect(refersTo([{ op: 'add', value: { a: [{ reference: one.toUpperCase() }] } }], names)).toBe(true);
  expect(refersTo({ identifier: one }, names)).toBe(false);
  expect(refersTo({ reference: one }, new Set())).toBe(false);
  expect([one, 'urn:oid:1.2', 'https://example.org/fhir/Patient/1'].map(isPlaceholder)).toEqual([true, true, false]);
});
