import fc from 'fast-check';
import { parseExactly, readExactJson } from './exact-json.js';

const written = (text: string) => {
  const read = readExactJson(text);
  return read.ok ? JSON.stringify(read.value) : read.reason;
};

it.each([
  '{"value":1.50}',
  '{"value":1e2}',
  '[0.000,12345678901234567890,-0.0]',
  '{"a":[{"a":"{\\"a\\":1}"}],"b":{"a":true}}',
])('numbers keep their digits: %s', (text) => expect(written(text)).toBe(text));

it.each([
  '{"subject":1,"subject":2}',
  '{"subject":1,"\\u0073ubject":2}',
  '[{"a":{"b":1,"c":[{"x":1,"x":1}]}}]',
  '{"a":{},"b":[],"a":{}}',
])('a key that stands twice is refused, however it is written: %s', (text) => {
  expect(written(text)).toContain('stands twice');
});

it.each([
  ['{"__proto__":{"a":1}}', 'no resource has'],
  ['{"a":', 'not JSON'],
  ['{"a\\x":1}', 'not JSON'],
  ['', 'not JSON'],
  ['['.repeat(65) + ']'.repeat(65), 'nested deeper'],
])('refused: %s', (text, why) => {
  expect(written(text)).toContain(why);
});

it.each([
  ['letters', 'x'],
  ['quotation marks', '\\"'],
  ['backslashes', '\\\\'],
])('takes texts of many megabytes: %s', (_what, unit) => {
  const text = `{"a":"${unit.repeat(34_000_000 / unit.length)}","b":1.50}`;
  expect(written(text)).toBe(text);
  expect(written(`{"a":"${unit.repeat(1_000)}","b":1,"b":2}`)).toContain('stands twice');
});

it('takes all other JSON, as it is', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), (text) => {
      fc.pre(!text.includes('__proto__'));
      expect(written(text)).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
});

/** Numbers as JSON may write them, most of them otherwise than JavaScript would. */
const anyNumber = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.constant('0'), fc.stringMatching(/^[1-9]\d{0,20}$/)),
    fc.oneof(fc.constant(''), fc.stringMatching(/^\.\d{1,20}$/)),
    fc.constantFrom('', '', '', 'e5', 'E-7', 'e+400'),
  )
  .map((parts) => parts.join(''));
const anySpace = fc.stringMatching(/^[ \n\t\r]{0,2}$/);

it('what is parsed is written with the digits that it came with', () => {
  const anyDocument = fc
    .tuple(fc.array(anyNumber, { minLength: 1, maxLength: 4 }), anySpace, fc.string())
    .map(([numbers, space, text]) => {
      const list = numbers.map((it) => `${space}${it}${space}`).join(',');
      return `{"a":${space}${numbers[0]}${space},"b":[${list}],"text":${JSON.stringify(text)}}`;
    });
  fc.assert(
    fc.property(anyDocument, (text) => {
      const [, numbers] = /"b":\[(.*?)\]/s.exec(text) ?? [];
      expect(JSON.stringify(parseExactly(text))).toContain(`"b":[${numbers?.replaceAll(/\s/g, '')}]`);
    }),
    { numRuns: 2_000 },
  );
});

it.each(['{"a":1.50,"a":1.5}', '{"a":1.5,"a":1.50}'])('of a key that stands twice the last counts: %s', (text) => {
  expect(JSON.stringify(parseExactly(text))).toBe(`{${text.split(',')[1]}`);
});

it('numbers that JavaScript writes alike are numbers, and times are no reason to look at each value', () => {
  const text = '{"a":[0,-1,12.25,-0.5,123456789.123456,999999999999999,0.000001],"at":"2026-01-15T09:00:00.120+01:00"}';
  expect(parseExactly(text)).toEqual(JSON.parse(text));
});
