import { Type } from 'typebox';
import { ContextCodec, UndecodableRecord } from './codec.js';
import { defineContext, message, type EarlierVersion, type NextVersion } from './definition.js';
import type { EventMeta } from './envelope.js';

const First = Type.Object({ name: Type.String() });
const Second = Type.Object({ given: Type.String(), family: Type.String() });
const Third = Type.Object({ given: Type.Array(Type.String()), family: Type.String() });

const fromFirst: EarlierVersion = {
  schema: First,
  upcast: (data) => {
    const [given = '', family = ''] = (data as { name: string }).name.split(' ');
    return { given, family };
  },
};
const fromSecond: EarlierVersion = {
  schema: Second,
  upcast: (data) => ({ ...(data as object), given: [(data as { given: string }).given] }),
};
const toSecond: NextVersion = {
  schema: Third,
  downcast: (data) => ({ ...(data as object), given: (data as { given: string[] }).given.join(' ') }),
};

const people = (named: ReturnType<typeof message>) =>
  new ContextCodec(defineContext({ context: 'people', commands: {}, events: { named } }));
const first = people(message('Named.', First));
const second = people(message('Named.', Second, { version: 2, earlier: { 1: fromFirst } }));
const secondBeforeThird = people(message('Named.', Second, { version: 2, earlier: { 1: fromFirst }, next: toSecond }));
const third = people(message('Named.', Third, { version: 3, earlier: { 1: fromFirst, 2: fromSecond } }));

const meta: EventMeta = {
  id: 'e1',
  subject: 's1',
  time: '2026-01-01T00:00:00Z',
  actor: 'a',
  correlationId: 'c',
  causationId: 'k',
  version: 1,
  commandOffset: 3n,
};
const write = (codec: typeof first, data: object): string => codec.encodeEvent({ type: 'named', data }, meta);
const read = (codec: typeof first, record: string): unknown => codec.decodeEvent(record).data;

describe('a message whose shape has a history', () => {
  it('is read by a later release in its own shape, step by step', () => {
    const record = write(first, { name: 'Grace Hopper' });
    expect(read(second, record)).toEqual({ given: 'Grace', family: 'Hopper' });
    expect(read(third, record)).toEqual({ given: ['Grace'], family: 'Hopper' });
  });

  it('keeps all that stands around it', () => {
    expect(third.decodeEvent(write(first, { name: 'Grace Hopper' })).meta).toEqual(meta);
  });

  it('is checked against the shape that it was written in', () => {
    const record = write(first, { name: 'Grace Hopper' }).replace('"name"', '"nome"');
    expect(() => read(third, record)).toThrow(UndecodableRecord);
  });

  it('is refused when the lifted data does not fit: an upcaster may be wrong', () => {
    const wrong = people(
      message('Named.', Second, { version: 2, earlier: { 1: { schema: First, upcast: () => ({ given: 1 }) } } }),
    );
    expect(() => read(wrong, write(first, { name: 'Grace Hopper' }))).toThrow(UndecodableRecord);
  });

  it('of a newer release is refused, unless this one was prepared for it', () => {
    const record = write(third, { given: ['Grace', 'Brewster'], family: 'Hopper' });
    expect(() => read(second, record)).toThrow('newer than this release reads');
    expect(read(secondBeforeThird, record)).toEqual({ given: 'Grace Brewster', family: 'Hopper' });
  });

  it('is still written in its own version while the next one is awaited', () => {
    expect(write(secondBeforeThird, { given: 'Grace', family: 'Hopper' })).toContain('gatehouse.people.named.v2');
  });

  it('is read and not written while it is announced', () => {
    const announced = people(message('Named.', First, { version: 1, earlier: {}, announced: true }));
    const record = write(first, { name: 'Grace Hopper' });
    expect(read(announced, record)).toEqual({ name: 'Grace Hopper' });
    expect(() => write(announced, { name: 'Grace Hopper' })).toThrow('announced');
  });
});
