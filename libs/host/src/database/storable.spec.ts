import fc from 'fast-check';
import { storable, storableJson } from './storable.js';

describe('JSON for jsonb', () => {
  it('holds no NUL and no half of a surrogate pair', () => {
    expect(storableJson([{ name: 'a\0b', broken: '\ud800', whole: '😀' }])).toBe(
      '[{"name":"a\ufffdb","broken":"\ufffd","whole":"😀"}]',
    );
  });

  it('is what storable makes of every value', () => {
    const text = fc.string({ unit: 'binary' });
    const broken = fc.constantFrom('\0', '\udc00', 'x\ud83d', '\\u0000', '\\ud800');
    const row = fc.dictionary(text, fc.oneof(text, broken, fc.integer(), fc.array(broken), fc.constant(null)));
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        expect(JSON.parse(storableJson(rows))).toEqual(storable(rows));
      }),
    );
  });
});
