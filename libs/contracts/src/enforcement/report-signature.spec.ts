import fc from 'fast-check';
import { goldenRecords } from '../golden/golden-records.js';
import { decodeReport, encodeReport } from './codec.js';
import { namesKey, PointKey, reportFault } from './report-signature.js';

const key = new PointKey();
const id = key.idOf('gateway');
const record = encodeReport({
  id,
  kind: 'gateway',
  positions: { 'gatehouse.registration.events': ['42'] },
  appliedAt: '2026-11-24T09:30:00.000Z',
  inFlightWrites: {},
  stopped: false,
});
const signed = key.sign(record);
const faultOf = (text: string, of = id): string | undefined => reportFault(Buffer.from(text), of);

describe('the signature of a report', () => {
  it('stands last in a record that says the same, and is by the key that the point’s id names', () => {
    const { signature, ...rest } = JSON.parse(signed) as Record<string, unknown>;
    expect(rest).toEqual(JSON.parse(record));
    expect(signature).toMatch(/^[\w-]{43}\.[\w-]{86}$/);
    expect(decodeReport(signed)).toEqual(decodeReport(record));
    expect(namesKey(id)).toBe(true);
    expect(faultOf(signed)).toBeUndefined();
  });

  it.each([
    ['end', (text: string) => text.replace('"stopped":false', '"stopped":true')],
    ['position', (text: string) => text.replace('"42"', '"43"')],
    ['last word: something after it', (text: string) => text.replace(/\}$/, ',"stopped":true}')],
  ])('does not fit another %s', (_what, change) => {
    const changed = change(signed);
    expect(changed).not.toBe(signed);
    expect(faultOf(changed)).toEqual(expect.any(String));
  });

  it('does not fit any record in which one byte differs', () => {
    fc.assert(
      fc.property(fc.nat(Buffer.byteLength(signed) - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(signed);
        changed[at] = (changed[at] ?? 0) ^ by;
        // The last digit of the key and of the signature carry bits that say nothing.
        fc.pre(at !== changed.length - 3 && changed[at + 1] !== 0x2e);
        return reportFault(changed, id) !== undefined;
      }),
    );
  });

  it('of another point says nothing of this one, whatever it claims', () => {
    const other = new PointKey();
    expect(other.idOf('gateway')).not.toBe(id);
    expect(faultOf(other.sign(record))).toBe('its key is not that of the point which it names');
    expect(faultOf(signed, key.idOf('token'))).toBeUndefined(); // who asks compares the id that the record names
  });

  it('is missing from a record without one, and from what is no record', () => {
    for (const text of [record, '', '{}', '{"signature":"short"}']) expect(faultOf(text)).toBe('it has no signature');
    expect(namesKey('gateway-019c2f1e-7a00-77d0-82ae-c099cedaa005')).toBe(false);
  });

  it('fits the golden record', () => {
    const golden = goldenRecords().filter(({ channel, variant }) => channel === 'enforcement' && variant === 'signed');
    expect(golden).toHaveLength(1);
    for (const each of golden) expect(faultOf(each.record, decodeReport(each.record).id)).toBeUndefined();
  });
});
