import { GatheredSpends, type Spend } from './gathered-spends.js';

const spend = (digest: string): Spend => ({ digest, until: 2, issued: 1 });

/** A guard whose statements end when the test says so. */
function guard() {
  const kept = new Set<string>();
  const statements: { readonly digests: readonly string[]; readonly end: (error?: Error) => void }[] = [];
  const gathered = new GatheredSpends((batch) => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    const end = (error?: Error) => {
      if (error) return reject(error);
      const fresh = [...new Set(batch.map(({ digest }) => digest))].filter((digest) => !kept.has(digest));
      for (const digest of fresh) kept.add(digest);
      resolve(fresh);
    };
    statements.push({ digests: batch.map(({ digest }) => digest), end });
    return promise;
  });
  return { gathered, statements };
}

describe('assertions that are spent together', () => {
  test('what comes while two statements run goes into the next, in one order for everybody', async () => {
    const { gathered, statements } = guard();
    const all = ['b', 'a', 'z', 'c', 'm'].map((digest) => gathered.spend(spend(digest)));
    expect(statements.map(({ digests }) => digests)).toEqual([['b'], ['a']]);
    statements[0]?.end();
    await all[0];
    await Promise.resolve();
    expect(statements[2]?.digests).toEqual(['c', 'm', 'z']);
    statements[1]?.end();
    statements[2]?.end();
    expect(await Promise.all(all)).toEqual([true, true, true, true, true]);
  });

  test('of equal ones in a batch one is spent, and none of those that were spent before', async () => {
    const { gathered, statements } = guard();
    const first = [gathered.spend(spend('a')), gathered.spend(spend('b'))];
    const rest = ['c', 'c', 'a', 'c'].map((digest) => gathered.spend(spend(digest)));
    statements[0]?.end();
    statements[1]?.end();
    expect(await Promise.all(first)).toEqual([true, true]);
    await Promise.resolve();
    statements[2]?.end();
    const spent = await Promise.all(rest);
    expect(spent.filter(Boolean)).toHaveLength(1);
    expect(spent[2]).toBe(false);
  });

  test('a statement that fails spends nothing of its batch, and the next goes on', async () => {
    const { gathered, statements } = guard();
    const [one, two] = [gathered.spend(spend('a')), gathered.spend(spend('b'))];
    const later = gathered.spend(spend('c'));
    statements[0]?.end(new Error('away'));
    await expect(one).rejects.toThrow('away');
    await Promise.resolve();
    statements[1]?.end();
    statements[2]?.end();
    expect([await two, await later]).toEqual([true, true]);
  });
});
