import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { findValues, formsOf } from './find-values.js';
import { unpacked } from './unpacked.js';

const secret = { what: 'an address', value: 'zoë "quill"+feather@example.org' };
const around = (text: string) => `{"a":1,"b":"${text}","c":[2]}`;

describe('the search for values', () => {
  it('finds none where there is none', () => {
    const places = [{ name: 'table a', content: around('quill') }];
    expect(findValues([secret], places)).toEqual([]);
  });

  it.each([...formsOf(secret.value).keys()].filter((form) => !form.startsWith('base64')))(
    'finds it as %s, in text and in bytes',
    (form) => {
      const text = around(formsOf(secret.value).get(form) ?? '');
      for (const content of [text, Buffer.from(text)])
        expect(findValues([secret], [{ name: 'table a', content }]).join()).toContain('an address in table a');
    },
  );

  it('finds it in base64 and base64url, whatever stands around it', () => {
    const bytes = fc.uint8Array({ maxLength: 9 });
    fc.assert(
      fc.property(bytes, bytes, fc.constantFrom('base64', 'base64url'), (before, after, encoding) => {
        const text = Buffer.concat([before, Buffer.from(secret.value), after]).toString(encoding);
        expect(findValues([secret], [{ name: 'topic t', content: around(text) }])).not.toEqual([]);
      }),
    );
  });

  it('finds it in digits of either case, and in a record that was packed', () => {
    const digits = Buffer.from(secret.value).toString('hex').toUpperCase();
    expect(findValues([secret], [{ name: 'log', content: `\\x${digits}` }])).toEqual([
      'an address in log, as hexadecimal',
    ]);
    const much = Array.from({ length: 400 }, (_, number) => `${String(number * 7_919)} of ${secret.value}`);
    const packed = Buffer.concat([Buffer.alloc(32, 7), zstdCompressSync(JSON.stringify(much))]);
    expect(findValues([secret], [{ name: 'snapshot', content: packed }])).toEqual([]);
    expect(findValues([secret], [{ name: 'snapshot', content: unpacked(packed) }])).not.toEqual([]);
  });

  it('names what was found and where, and does not show it', () => {
    const found = findValues([secret], [{ name: 'log', content: secret.value }]);
    expect(found).toEqual([expect.stringMatching(/^an address in log, as /)]);
    expect(found.join()).not.toContain('feather');
  });

  it('refuses what is too short to be told from chance', () => {
    expect(() => findValues([{ what: 'a word', value: 'gate' }], [])).toThrow('too short');
  });
});
