import fc from 'fast-check';
import { asServerTakesIt, OurUrlsInPieces, withOurUrls } from './our-urls.js';

const upstream = 'http://hapi.internal:8080/fhir';
const base = 'https://gatehouse.example.org/fhir';

test('URLs of the FHIR server become ours wherever they stand; other URLs that begin alike do not', () => {
  const written = (at: string) => ({
    subject: { reference: `${at}/Patient/p1` },
    text: { div: `<a href="${at}/Observation/o1">self</a> and ${at}?x=1\n${at}\nand ${at}` },
  });
  const other = { note: [{ text: `${upstream}x/y http://hapiXinternal:8080/fhir/z` }] };
  const ours = withOurUrls(JSON.stringify({ ...written(upstream), ...other }), upstream, base);
  expect(JSON.parse(ours)).toEqual({ ...written(base), ...other });
});

test.each([
  ['\\/', String.raw`\/`],
  ['\\u002f', String.raw`\u002f`],
  ['\\u002F', String.raw`\u002F`],
  ['the one here and the other there', undefined],
])('slashes may be escaped: %s', (_what, slash) => {
  const forms = ['/', String.raw`\/`, String.raw`\u002f`];
  let at = 0;
  const escaped = (json: string) => json.replaceAll('/', () => slash ?? forms[at++ % 3] ?? '/');
  const written = (base: string) => ({ reference: `${base}/Patient/p1`, note: `see ${base}`, other: `${upstream}x/y` });
  const json = escaped(JSON.stringify(written(upstream)));
  const inPieces = new OurUrlsInPieces(upstream, base);
  const pieces = [...Buffer.from(json)].map((byte) => inPieces.take(Buffer.from([byte])));
  for (const ours of [withOurUrls(json, upstream, base), Buffer.concat([...pieces, inPieces.end()]).toString()])
    expect(JSON.parse(ours)).toEqual(written(base));
});

test('what goes to the FHIR server names what it holds by type and id, and else by its own URLs', () => {
  const written = (at: string, reference: (key: string) => string) => ({
    subject: { reference: reference('Patient/p1') },
    hasMember: [{ reference: reference('Observation/o1/_history/2') }, { reference: '#c' }],
    note: [{ text: `"reference":"${at}/Patient/p1" and ${at}/Patient/p1` }],
    content: [{ attachment: { url: `${at}/Binary/b1` } }],
    derivedFrom: [{ reference: `${at}/Observation?code=x` }, { reference: 'https://other.example/fhir/Patient/p1' }],
  });
  const json = JSON.stringify(written(base, (key) => `${base}/${key}`));
  expect(JSON.parse(asServerTakesIt(json, base, upstream))).toEqual(written(upstream, (key) => key));
});

test('a backslash before a slash is no escape where it is one itself', () => {
  const json = JSON.stringify({ note: upstream.replace('//', String.raw`\//`) });
  expect(withOurUrls(json, upstream, base)).toBe(json);
});

test('in pieces the same comes out as in one, wherever it is cut', () => {
  const upstream = 'http://fhir.internal:8080/r4';
  const ours = 'https://x.example.org/fhir';
  const word = fc.constantFrom(
    upstream,
    `${upstream}/`,
    `${upstream}x`,
    upstream.replaceAll('/', String.raw`\/`),
    upstream.replaceAll('/', String.raw`\u002f`),
    'http://',
    '"',
    '\u00a0',
    '\u2003',
    ' ',
    'é',
    'A'.repeat(50),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), fc.array(fc.nat(60), { maxLength: 30 }), (words, cuts) => {
      // An answer is JSON, and does not end with a URL.
      const bytes = Buffer.from(`${words.join('')}"`);
      const urls = new OurUrlsInPieces(upstream, ours);
      const out: Buffer[] = [];
      let at = 0;
      for (const size of [...cuts, bytes.length]) out.push(urls.take(bytes.subarray(at, (at += size))));
      out.push(urls.end());
      expect(Buffer.concat(out).toString()).toBe(withOurUrls(bytes.toString(), upstream, ours));
    }),
    { numRuns: 1_000 },
  );
});
