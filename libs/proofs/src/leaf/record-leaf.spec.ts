import fc from 'fast-check';
import { recordLeaf, recordLeafData, type RecordBytes } from './record-leaf.js';

const record: RecordBytes = {
  topic: 'access.decisions',
  partition: 3,
  offset: '258',
  key: Buffer.from('k'),
  value: Buffer.from('{}'),
};

describe('the leaf of a record', () => {
  it('is made of these bytes', () => {
    expect(recordLeafData(record).toString('hex')).toBe(
      '00000010' +
        '6163636573732e6465636973696f6e73' +
        '00000003' +
        '0000000000000102' +
        '00000001' +
        '6b' +
        '00000002' +
        '7b7d',
    );
  });

  it('tells a value that is missing from one that is empty', () => {
    expect(recordLeaf({ ...record, value: null })).not.toEqual(recordLeaf({ ...record, value: Buffer.alloc(0) }));
  });

  it('differs for records that differ anywhere', () => {
    const bytes = fc.option(fc.uint8Array({ maxLength: 3 }));
    const any = fc.record({
      topic: fc.string({ maxLength: 3 }),
      partition: fc.nat(3),
      offset: fc.nat(3).map(String),
      key: bytes,
      value: bytes,
    });
    fc.assert(
      fc.property(any, any, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        expect(recordLeafData(one).equals(recordLeafData(other))).toBe(false);
      }),
    );
  });
});
