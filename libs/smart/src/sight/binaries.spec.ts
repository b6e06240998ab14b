import { binariesNamedIn, showsBinary } from './binaries.js';

const bases = ['https://fhir.internal/r4', 'https://api.example/fhir'];
const document = (...urls: string[]) => ({
  resourceType: 'DocumentReference',
  content: urls.map((url) => ({ attachment: { url } })),
});

test.each([
  ['Binary/x', true],
  ['https://fhir.internal/r4/Binary/x', true],
  ['https://api.example/fhir/Binary/x', true],
  ['Binary/x2', false],
  ['Binary/x/_history/1', false],
  ['https://fhir.internal/r4/Binary/x?a', false],
  ['https://fhir.internal/Binary/x', false],
])('an attachment at %s shows Binary/x: %s', (url, shows) => {
  expect(showsBinary(document('Binary/y', url), 'x', bases)).toBe(shows);
  expect(showsBinary({ ...document(url), resourceType: 'Media' }, 'x', bases)).toBe(false);
});

test('a resource names what any address in it names, and nothing by its texts', () => {
  const resource = {
    resourceType: 'Observation',
    note: [{ text: 'Binary/text' }],
    contained: [document('Binary/a', 'https://api.example/fhir/Binary/b/_history/3')],
    extension: [{ url: 'urn:x', valueUri: 'Binary/c' }],
    derivedFrom: [{ reference: 'Binary/a' }, { reference: 'https://elsewhere.example/Binary/z' }],
  };
  expect(binariesNamedIn(resource, bases)).toEqual({ ids: ['a', 'b', 'c'], unclear: false });
});

test.each(['binary/x', 'Binary%2Fx', 'a/../Binary/x', 'http://api.example:80/Binary/x', 'Binary', 'Binary/x '])(
  '%s may name one',
  (url) => {
    expect(binariesNamedIn(document(url), bases)).toEqual({ ids: [], unclear: true });
  },
);
