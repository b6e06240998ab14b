import fc from 'fast-check';
import { readExactJson } from './exact-json.js';

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

it('takes all other JSON, as it is', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), (text) => {
      fc.pre(!text.includes('__proto__'));
      expect(written(text)).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
});
