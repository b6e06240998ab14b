import { withOurUrls } from './our-urls.js';

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
