import fc from 'fast-check';

/** A value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Text that has been trouble somewhere: NUL, surrogates alone, directions, what looks like code, a lot of it. */
export const wildText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\ud800',
    'a\udfffb',
    '\u202egnp.exe\u202c',
    '\u2066x\u2069',
    '\ufeff',
    '\ufffe',
    'e\u0301\u0301\u0301',
    '👩‍👩‍👧‍👦',
    '../../etc/passwd',
    "' OR 1=1 --",
    '%00',
    '%s%n',
    '${7*7}',
    '__proto__',
    'constructor',
    '<script>alert(1)</script>',
    'javascript:alert(1)',
    'http://[::1',
    'https://user:pass@localhost:0/#x',
    '9999999999999999999999',
    '-1',
    'NaN',
    '1e400',
    '0000-00-00T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '+275760-09-13T00:00:00.001Z',
    '9999-12-31T23:59:60Z',
    '0001-01-01T00:00:00+23:59',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom(255, 300, 5000, 70_000).map((length) => 'x'.repeat(length)),
);

/** A value of JSON that nobody expects where it stands. */
export const wildValue: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: wildText },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Json>(null, true, false, [], {}, [null], [[]], [{}], { '': '' }, { length: 1e9 }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Json>(0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 5e-324),
  },
  { weight: 1, arbitrary: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json) },
  { weight: 1, arbitrary: fc.constantFrom(30, 400).map(nested) },
  { weight: 1, arbitrary: fc.constantFrom(101, 3000).map((count) => Array.from({ length: count }, () => 'x')) },
);

function nested(depth: number): Json {
  let value: Json = 'x';
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** Bodies that are not the JSON of any value: broken, said twice, too deep, too long, not even text. */
export const wildBody: fc.Arbitrary<string> = fc.constantFrom(
  '',
  ' ',
  '{',
  '{"name":',
  'null',
  '[]',
  '"x"',
  '0',
  '{"name":"a","name":"b","reason":"a","reason":{}}',
  '{"__proto__":{"admin":true}}',
  '{"constructor":{"prototype":{"admin":true}}}',
  '{"name":1e400}',
  '{"reason":"\\ud800"}',
  '\ufeff{}',
  "{'name':'a'}",
  '{"name":"a"}{"name":"b"}',
  '{"name":"a\u0000"}',
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `{"name":"${'x'.repeat(1_100_000)}"}`,
);
