import { compare, compareCounters, succession, type Told } from './log-checker.js';
import type { RawRecord } from './raw-log.js';

const event = (commandId: string, sequence: number, more: Partial<RawRecord> = {}): RawRecord => ({
  partition: 0,
  offset: String(sequence),
  writer: '1/0',
  value: { subject: 's', causationid: commandId, sequence: String(sequence), data: { amount: 1 } },
  ...more,
});
const told = (commandId: string, version: number, more: Partial<Told> = {}): Told => ({
  commandId,
  subject: 's',
  status: 'succeeded',
  version,
  offset: BigInt(version),
  sentAt: version,
  answeredAt: version,
  ...more,
});

describe('the checker of fault tests', () => {
  it('is content with a log that holds what was told', () => {
    expect(compare([told('a', 1), told('b', 2), told('a', 1)], [event('a', 1), event('b', 2)])).toEqual([]);
  });

  it.each([
    ['a lost command', [told('a', 1), told('b', 2)], [event('a', 1)], 'is not in the log'],
    ['a doubled one', [told('a', 1)], [event('a', 1), event('a', 2)], 'was applied 2 times'],
    ['a retry with another answer', [told('a', 1), told('a', 2)], [event('a', 1)], 'was answered'],
    ['a refused one that was applied', [{ ...told('a', 1), status: 'refused' }], [event('a', 1)], 'was told refused'],
    ['another place', [told('a', 1, { offset: 9n })], [event('a', 1)], 'but stands as'],
    ['a gap', [told('a', 1)], [event('a', 1), event('b', 3)], 'says it is number 3'],
    [
      'two partitions',
      [told('a', 1)],
      [event('a', 1), event('b', 2, { partition: 1 })],
      'stands in several partitions',
    ],
    [
      'an order that no caller saw',
      [told('a', 1, { sentAt: 5, answeredAt: 6 }), told('b', 2, { sentAt: 1, answeredAt: 2 })],
      [event('a', 1), event('b', 2)],
      'before an earlier one was sent',
    ],
  ] as const)('finds %s', (_what, answers, events, fault) => {
    expect(compare(answers, events).join('\n')).toContain(fault);
  });

  it('finds a writer that writes after its successor', () => {
    const by = (writer: string, offset: number) => event('a', offset, { writer });
    expect(succession([by('1/0', 1), by('1/1', 2), by('1/1', 3)])).toEqual({ takeovers: 1, faults: [] });
    expect(succession([by('1/0', 1), by('1/1', 2), by('1/0', 3)]).faults).toEqual([
      '1/0 wrote at 0:3 after its successor',
    ]);
  });

  it('finds a projection that missed an event, took one twice, or made one up', () => {
    const events = [event('a', 1), event('b', 2)];
    expect(compareCounters(events, [{ subject: 's', total: 2, version: 2 }])).toEqual([]);
    for (const rows of [
      [],
      [{ subject: 's', total: 1, version: 1 }],
      [{ subject: 's', total: 3, version: 3 }],
      [
        { subject: 's', total: 2, version: 2 },
        { subject: 't', total: 0, version: 1 },
      ],
    ]) {
      expect(compareCounters(events, rows)).toHaveLength(1);
    }
  });
});
