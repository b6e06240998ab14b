import { generateKeyPairSync } from 'node:crypto';
import type { EffectiveAccess } from '#access';
import { isMade } from './key-material.js';
import { ReadyKeys } from './ready-keys.js';
import type { ClientKey } from './remote-key-sets.js';

const [rsa, ec] = [
  generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }),
  generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' }),
];
const key = (kid: string, jwk: ClientKey['jwk'] = { ...ec }): ClientKey => ({ kid, thumbprint: `of ${kid}`, jwk });

function client(keys: readonly ClientKey[], given: Partial<EffectiveAccess> = {}): EffectiveAccess {
  return {
    ...{ applicationId: 'app', clientId: 'client', ownerId: 'owner', name: 'Exporter', kind: 'backend' },
    ...{ clientType: 'confidential-asymmetric', purposesOfUse: [], status: 'open', scopes: [], epoch: 0 },
    ...{ deadKeyThumbprints: [], revokedTokens: new Set(), revokedGrants: new Set(), secrets: [] },
    ...{ redirectUris: [], allowedOrigins: [], endpoints: ['*'] },
    keys,
    ...given,
  };
}

/** Clients as they stand, a hand that makes their keys ready, and what it could not. */
function hand(pause?: () => Promise<void>) {
  const clients = new Map<string, EffectiveAccess>();
  const unusable: string[] = [];
  const ready = new ReadyKeys({
    access: { byApplicationId: (id) => clients.get(id) },
    onUnusable: (applicationId) => unusable.push(applicationId),
    ...(pause === undefined ? {} : { pause }),
  });
  return { clients, unusable, ready };
}

describe('keys of clients', () => {
  test('are made ready before they are used, of both kinds', async () => {
    const { clients, ready } = hand();
    const keys = [key('a', { ...rsa }), key('b')];
    clients.set('app', client(keys));
    expect(keys.map(isMade)).toEqual([false, false]);
    ready.lookAt('app');
    await ready.done();
    expect(keys.map(isMade)).toEqual([true, true]);
  });

  test('that come later are made ready when their application changes, and those that went are not looked at', async () => {
    const { clients, ready } = hand();
    const [before, after] = [key('a'), key('b')];
    clients.set('app', client([before]));
    ready.lookAt('app');
    clients.set('app', client([after]));
    await ready.done();
    expect([before, after].map(isMade)).toEqual([false, true]);
    clients.set('app', client([before, after]));
    ready.lookAt('app');
    await ready.done();
    expect(isMade(before)).toBe(true);
  });

  test.each<[string, Partial<EffectiveAccess>]>([
    ['a closed application', { status: 'closed' }],
    ['a client that signs nothing', { clientType: 'public' }],
    ['a key that was compromised', { deadKeyThumbprints: ['of a'] }],
  ])('of %s are left', async (_what, given) => {
    const { clients, ready } = hand();
    const left = key('a');
    clients.set('app', client([left], given));
    ready.lookAt('app');
    ready.lookAt('nobody');
    await ready.done();
    expect(isMade(left)).toBe(false);
  });

  test('that are none are told of, and keep nobody else waiting', async () => {
    const { clients, ready, unusable } = hand();
    const good = key('good');
    clients.set('first', client([key('odd', { kty: 'none' })]));
    clients.set('second', client([good]));
    ready.lookAt('first');
    ready.lookAt('second');
    await ready.done();
    expect([unusable, isMade(good)]).toEqual([['first'], true]);
  });

  test('are made ready one at a time, each after what else waits', async () => {
    const keys = [key('a'), key('b'), key('c')];
    const madeAtPause: number[] = [];
    const { clients, ready } = hand(async () => void madeAtPause.push(keys.filter(isMade).length));
    keys.forEach((each, index) => clients.set(String(index), client([each])));
    keys.forEach((_key, index) => ready.lookAt(String(index)));
    expect(keys.map(isMade)).toEqual([false, false, false]);
    await ready.done();
    // Before each client, and after each key.
    expect(madeAtPause).toEqual([0, 1, 1, 2, 2, 3]);
  });

  test('are left when the service stops', async () => {
    const { clients, ready } = hand();
    const left = key('a');
    clients.set('app', client([left]));
    ready.lookAt('app');
    await ready.close();
    ready.lookAt('app');
    await ready.done();
    expect(isMade(left)).toBe(false);
  });
});
