import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { type CommandKey, CommandKeys } from './command-mac.js';
import { goldenRecords } from './golden/golden-records.js';

const key = (id: string): CommandKey => ({ id, key: randomBytes(32) });
const first = key('2026-11');
const second = key('2026-12');
const keys = new CommandKeys([first]);
const record = JSON.stringify({
  id: 'c0ffee',
  actor: 'dana',
  deadline: '2026-11-27T09:31:00.000Z',
  data: { reason: 'ü' },
});
const sealed = keys.seal(record);

describe('the MAC of a command', () => {
  it('stands last in a record that says the same', () => {
    const { mac, ...rest } = JSON.parse(sealed) as Record<string, unknown>;
    expect(rest).toEqual(JSON.parse(record));
    expect(mac).toMatch(/^2026-11\.[\w-]{43}$/);
    expect(keys.faultOf(Buffer.from(sealed))).toBeUndefined();
  });

  it.each([
    ['actor', (text: string) => text.replace('dana', 'rita')],
    ['deadline', (text: string) => text.replace('09:31', '10:31')],
    ['id', (text: string) => text.replace('c0ffee', 'c0ffef')],
    ['body', (text: string) => text.replace('ü', 'u')],
    ['key that it names', (text: string) => text.replace('"2026-11.', '"2026-12.')],
    ['form, which a parser would not notice', (text: string) => text.replace('{"id"', '{ "id"')],
    ['last word: something after it', (text: string) => text.replace(/\}$/, ',"actor":"rita"}')],
  ])('does not fit another %s', (_what, change) => {
    const changed = change(sealed);
    expect(changed).not.toBe(sealed);
    expect(keys.faultOf(Buffer.from(changed))).toEqual(expect.any(String));
  });

  it('does not fit any record in which one byte differs', () => {
    fc.assert(
      fc.property(fc.nat(Buffer.byteLength(sealed) - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(sealed);
        changed[at] = (changed[at] ?? 0) ^ by;
        // The last digit of base64url carries two bits that say nothing.
        fc.pre(at !== changed.length - 3);
        return keys.faultOf(changed) !== undefined;
      }),
    );
  });

  it('counts under each of the keys while one replaces the other, and then no more', () => {
    const [begun, under, gone] = [
      new CommandKeys([first, second]),
      new CommandKeys([second, first]),
      new CommandKeys([second]),
    ];
    const [old, renewed] = [Buffer.from(sealed), Buffer.from(under.seal(record))];
    for (const ring of [begun, under]) for (const each of [old, renewed]) expect(ring.faultOf(each)).toBeUndefined();
    expect(gone.faultOf(renewed)).toBeUndefined();
    expect(gone.faultOf(old)).toBe('its MAC names no key that counts here');
  });

  it('is missing from a record without one, and from what is no record', () => {
    for (const text of [record, '', '{}', '{"mac":"2026-11.short"}'])
      expect(keys.faultOf(Buffer.from(text))).toBe('it has no MAC');
  });

  it('of the golden record is by the key of 32 ones', () => {
    const golden = goldenRecords().filter(({ variant }) => variant === 'mac');
    expect(golden).not.toEqual([]);
    const ones = new CommandKeys([{ id: 'golden', key: Buffer.alloc(32, 1) }]);
    for (const each of golden) expect(ones.faultOf(Buffer.from(each.record))).toBeUndefined();
  });
});
