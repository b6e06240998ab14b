import type { EffectiveAccess } from '#access';
import { clientKeyOf } from './client-keys.js';
import type { ClientKey } from './remote-key-sets.js';

const key = (kid: string, thumbprint: string): ClientKey => ({ kid, thumbprint, jwk: { kty: 'EC' } });
const publishing = (...keys: ClientKey[]) => ({
  keysNamed: async (_address: string, kid: string) => keys.filter((it) => it.kid === kid),
});

function access(given: Partial<EffectiveAccess>): EffectiveAccess {
  return {
    applicationId: 'app',
    clientId: 'client',
    ownerId: 'owner',
    name: 'Exporter',
    kind: 'backend',
    clientType: 'confidential-asymmetric',
    purposesOfUse: [],
    status: 'open',
    scopes: [],
    epoch: 0,
    keys: [],
    deadKeyThumbprints: [],
    revokedTokens: new Set(),
    revokedGrants: new Set(),
    secrets: [],
    redirectUris: [],
    allowedOrigins: [],
    endpoints: ['*'],
    ...given,
  };
}

describe('the key that an assertion means', () => {
  test('is the inline one of that name', async () => {
    await expect(
      clientKeyOf(access({ keys: [key('a', '1'), key('b', '2')] }), { kid: 'b' }, publishing()),
    ).resolves.toMatchObject({ thumbprint: '2' });
  });

  test('or the one that the client publishes', async () => {
    await expect(
      clientKeyOf(access({ jwksUri: 'https://c.example/jwks' }), { kid: 'a' }, publishing(key('a', '3'))),
    ).resolves.toMatchObject({ thumbprint: '3' });
  });

  test('a key both inline and published is one key', async () => {
    const both = access({ keys: [key('a', '1')], jwksUri: 'https://c.example/jwks' });
    await expect(clientKeyOf(both, { kid: 'a' }, publishing(key('a', '1')))).resolves.toMatchObject({
      thumbprint: '1',
    });
  });

  test('an address in its header is the registered one, or there is no key: whoever signs names no other', async () => {
    const jwksUri = 'https://c.example/jwks';
    const published = publishing(key('a', '3'));
    await expect(clientKeyOf(access({ jwksUri }), { kid: 'a', jku: jwksUri }, published)).resolves.toBeDefined();
    for (const jku of ['https://evil.example/jwks', `${jwksUri}/`, `${jwksUri}#`, ''])
      await expect(clientKeyOf(access({ jwksUri }), { kid: 'a', jku }, published)).resolves.toBeUndefined();
    const inline = access({ keys: [key('a', '1')] });
    await expect(clientKeyOf(inline, { kid: 'a', jku: jwksUri }, publishing())).resolves.toBeUndefined();
  });

  test.each([
    ['an unknown name', access({ keys: [key('a', '1')] }), 'z'],
    ['two keys of one name', access({ keys: [key('a', '1'), key('a', '2')] }), 'a'],
    [
      'a compromised key that is still published',
      access({ jwksUri: 'https://c.example/jwks', deadKeyThumbprints: ['3'] }),
      'a',
    ],
    ['a published key of a client that names no address', access({}), 'a'],
  ])('%s is none', async (_name, client, kid) => {
    await expect(clientKeyOf(client, { kid }, publishing(key('a', '3')))).resolves.toBeUndefined();
  });
});
