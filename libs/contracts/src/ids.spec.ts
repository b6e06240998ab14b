import fc from 'fast-check';
import { PARTITIONS, bodyDigest, commandId, partitionOfCreation } from './ids.js';

const part = fc.string({ maxLength: 20 });

describe('the id of a command', () => {
  it('is the same for the same caller, method, path and key, and for no other four', () => {
    fc.assert(
      fc.property(fc.tuple(part, part, part, part), fc.tuple(part, part, part, part), (one, other) => {
        expect(commandId(...one)).toBe(commandId(...one));
        expect(commandId(...one) === commandId(...other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });

  it.each<[string, [string, string, string, string]]>([
    ['another caller', ['b', 'POST', '/x', 'key']],
    ['another method', ['a', 'PUT', '/x', 'key']],
    ['another path', ['a', 'POST', '/y', 'key']],
    ['another key', ['a', 'POST', '/x', 'kez']],
    ['a caller whose name runs into the method', ['aP', 'OST', '/x', 'key']],
    ['a path that runs into the key', ['a', 'POST', '/xk', 'ey']],
  ])('is another for %s', (_what, other) => {
    expect(commandId(...other)).not.toBe(commandId('a', 'POST', '/x', 'key'));
  });

  it('is a new one each time without a key', () => {
    expect(commandId('a', 'POST', '/x', undefined)).not.toBe(commandId('a', 'POST', '/x', undefined));
  });
});

describe('the partition of a creation', () => {
  it('is the same for the same caller and key', () => {
    fc.assert(
      fc.property(part, part, (caller, key) => {
        expect(partitionOfCreation(caller, key)).toBe(partitionOfCreation(caller, key));
        expect(partitionOfCreation(caller, key)).toBeLessThan(PARTITIONS);
      }),
    );
  });

  it('follows from the caller, from the key, and from where one ends and the other begins', () => {
    const partitions = (of: (each: number) => [string, string]) =>
      new Set(Array.from({ length: 200 }, (_, each) => partitionOfCreation(...of(each)))).size;
    expect(partitions((each) => [`caller-${each}`, 'key'])).toBe(PARTITIONS);
    expect(partitions((each) => ['caller', `key-${each}`])).toBe(PARTITIONS);
    const whole = 'x'.repeat(200);
    expect(partitions((each) => [whole.slice(0, each), whole.slice(each)])).toBe(PARTITIONS);
  });
});

it('tells bodies apart, and none from an empty one', () => {
  expect(new Set([undefined, {}, { a: 1 }, { a: '1' }, []].map(bodyDigest)).size).toBe(5);
});
