import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { FetchRefused } from './guarded-fetch.js';
import { RemoteKeySets, lifetimeOf } from './remote-key-sets.js';

const address = 'https://client.example/jwks';

async function key(kid: string): Promise<JWK> {
  const { publicKey } = await generateKeyPair('ES384', { extractable: true });
  return { ...(await exportJWK(publicKey)), kid };
}

/** A publisher whose set and clock a test moves. */
async function publisher(cacheControl?: string) {
  const state = { keys: [await key('a')] as unknown[], fetches: 0, now: 0, body: undefined as string | undefined };
  const fetcher = {
    json: async () => {
      state.fetches++;
      return { body: state.body ?? JSON.stringify({ keys: state.keys }), cacheControl };
    },
  };
  return { state, sets: new RemoteKeySets(fetcher, () => state.now) };
}

describe('key sets that clients publish', () => {
  test('are kept as long as Cache-Control says, and no longer', async () => {
    const { state, sets } = await publisher('max-age=60');
    await sets.keysNamed(address, 'a');
    state.now = 59_999;
    await expect(sets.keysNamed(address, 'a')).resolves.toHaveLength(1);
    expect(state.fetches).toBe(1);
    state.keys = [];
    state.now = 60_000;
    await expect(sets.keysNamed(address, 'a')).resolves.toHaveLength(0);
    expect(state.fetches).toBe(2);
  });

  test('are fetched again for a kid that is not in them, but not for each one', async () => {
    const { state, sets } = await publisher('max-age=3600');
    await sets.keysNamed(address, 'a');
    state.keys = [...state.keys, await key('b')];
    await expect(sets.keysNamed(address, 'b')).resolves.toHaveLength(0);
    state.now = 10_000;
    await expect(sets.keysNamed(address, 'b')).resolves.toHaveLength(1);
    await sets.keysNamed(address, 'c');
    expect(state.fetches).toBe(2);
  });

  test('many who wait share one fetch', async () => {
    const { state, sets } = await publisher();
    await Promise.all(Array.from({ length: 20 }, () => sets.keysNamed(address, 'a')));
    expect(state.fetches).toBe(1);
  });

  test('are no more than so many: the oldest goes', async () => {
    const { state, sets } = await publisher('max-age=3600');
    for (let count = 0; count <= 1_000; count++) await sets.keysNamed(`${address}/${count}`, 'a');
    await sets.keysNamed(`${address}/1000`, 'a');
    expect(state.fetches).toBe(1_001);
    await sets.keysNamed(`${address}/0`, 'a');
    expect(state.fetches).toBe(1_002);
  });

  test('two keys of one name are both given: which is meant nobody knows', async () => {
    const { state, sets } = await publisher();
    state.keys = [await key('a'), await key('a')];
    await expect(sets.keysNamed(address, 'a')).resolves.toHaveLength(2);
  });

  test('what is no key is passed over; what is no JSON is refused', async () => {
    const { state, sets } = await publisher('no-store');
    state.keys = [
      null,
      'a',
      { kid: 'a' },
      { kid: 'a', kty: 'oct', k: 'AAAA' },
      { kid: 'a', kty: 'RSA', n: 7, e: 'AQAB' },
    ];
    await expect(sets.keysNamed(address, 'a')).resolves.toEqual([]);
    state.body = '<html>';
    await expect(sets.keysNamed(address, 'a')).rejects.toBeInstanceOf(FetchRefused);
  });

  test.each([
    [undefined, 300_000],
    ['no-store', 0],
    ['private, max-age=5', 5_000],
    ['max-age=99999999', 3_600_000],
    ['s-maxage=5', 300_000],
  ])('Cache-Control %s keeps a set %s ms', (header, lifetime) => expect(lifetimeOf(header)).toBe(lifetime));
});
