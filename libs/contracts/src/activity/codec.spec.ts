import fc from 'fast-check';
import { activityNumber, type ActivityEntryMeta, decodeActivity, encodeActivity } from './codec.js';

const meta: ActivityEntryMeta = {
  id: 'a1',
  subject: 'unknown',
  time: '2026-01-01T00:00:00.000Z',
  actor: 'client:c',
  correlationId: 'x',
  causationId: 'x',
  run: 'r',
  sequence: 7,
};
const refused = (reason: string, around: Partial<ActivityEntryMeta> = {}): string =>
  encodeActivity(
    { type: 'token-refused', data: { clientId: 'c', error: 'invalid_client', reason } },
    { ...meta, ...around },
  );
const numberOf = (record: string) => activityNumber(Buffer.from(record));

describe('the number of an activity record', () => {
  it('is that of the whole record, whatever its texts are', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('","sequence":"5","run":"x","data":{', '{"', '\\"'),
    );
    fc.assert(
      fc.property(texts, texts, texts, fc.maxSafeNat(), (reason, actor, run, sequence) => {
        const record = refused(reason, { actor, run, sequence });
        const { meta: whole } = decodeActivity(Buffer.from(record));
        expect(numberOf(record)).toEqual({ run: whole.run, sequence: whole.sequence });
      }),
    );
  });

  it.each([
    ['with other names between', (record: string) => record.replace('"run"', '"bodydigest":"","run"')],
    ['in another order', (record: string) => record.replace(',"run":"r"', '').replace('{', '{"run":"r",')],
    [
      'with an object before it',
      (record: string) => record.replace('{', '{"more":{"of":"","sequence":"1","run":"x","data":0},'),
    ],
    ['with spaces', (record: string) => JSON.stringify(JSON.parse(record), null, 2)],
  ])('is found in a record that is written otherwise: %s', (_how, otherwise) => {
    expect(numberOf(otherwise(refused('no key')))).toEqual({ run: 'r', sequence: 7 });
  });

  it('is not found where there is none', () => {
    expect(() => numberOf(refused('no key').replace('"run"', '"ran"'))).toThrow('has no run or number');
  });
});
