import { inUse } from './signing-keys.js';

const minute = 60_000;
const now = Date.parse('2026-03-01T12:00:00Z');
const key = (name: string, minutesAgo: number) => ({
  name,
  purpose: 'access-token' as const,
  createdAt: new Date(now - minutesAgo * minute),
});
const names = (...keys: ReturnType<typeof key>[]) => inUse(keys, 'access-token', now).map(({ name }) => name);

describe('which keys count, the one that signs first', () => {
  test('the first one signs at once', () => expect(names(key('a', 0))).toEqual(['a']));
  test('a new one is published before it signs', () => expect(names(key('b', 5), key('a', 9_000))).toEqual(['a', 'b']));
  test('then it signs, and the one before is published as long as its tokens live', () =>
    expect(names(key('b', 11), key('a', 9_000))).toEqual(['b', 'a']));
  test('and no longer', () => expect(names(key('b', 200), key('a', 9_000))).toEqual(['b']));
  test('two that were made at the same time: the older signs until the other may', () =>
    expect(names(key('b', 1), key('a', 2))).toEqual(['a', 'b']));
  test('keys of another purpose are not asked', () => expect(inUse([key('a', 1)], 'id-token', now)).toEqual([]));
});
