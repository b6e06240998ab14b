import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { KeysUnavailable, TokenNotBelieved, VerifiedTokens } from './verified-tokens.js';

const issuer = 'https://gatehouse.example.org';
const audience = `${issuer}/fhir`;

async function aKey(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' };
  const sign = () => {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({
      iss: issuer,
      aud: audience,
      sub: 'client-1',
      client_id: 'client-1',
      jti: 'token-1',
      scope: 'system/Observation.rs',
      iat: now,
      exp: now + 300,
      gatehouse_application: 'application-1',
      gatehouse_approval_version: 1,
      gatehouse_epoch: 0,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
      .sign(privateKey);
  };
  return { jwk, sign };
}

/** The keys of a token service that a test changes, or takes away with `undefined`. */
function publishing(first: readonly JWK[] | undefined) {
  let keys = first;
  let asked = 0;
  const tokens = new VerifiedTokens({
    jwksUrl: `${issuer}/oauth/jwks`,
    issuer,
    onStaleKeys: () => undefined,
    fetch: async () => {
      asked++;
      if (!keys) throw new TypeError('fetch failed');
      return new Response(JSON.stringify({ keys }), { headers: { 'content-type': 'application/json' } });
    },
  });
  return {
    tokens: tokens.at({ id: 'default', base: audience }),
    all: tokens,
    publish: (next: readonly JWK[] | undefined) => (keys = next),
    asked: () => asked,
  };
}

describe('believing tokens', () => {
  test('the keys are asked for once, however often a token comes', async () => {
    const key = await aKey('k1');
    const { tokens, asked } = publishing([key.jwk]);
    const token = await key.sign();
    expect(await tokens.believe(token)).toMatchObject({ clientId: 'client-1', tokenId: 'token-1', epoch: 0 });
    const before = asked();
    expect(await tokens.believe(token)).toMatchObject({ clientId: 'client-1' });
    expect(asked() - before).toBeLessThanOrEqual(1); // the renewal in the background, not one for each call
    expect(await tokens.believe(token)).toMatchObject({ clientId: 'client-1' });
    expect(asked() - before).toBeLessThanOrEqual(1);
  });

  test('what was remembered counts no more once its key is withdrawn', async () => {
    const [old, fresh] = await Promise.all([aKey('k1'), aKey('k2')]);
    const { tokens, publish } = publishing([old.jwk]);
    const token = await old.sign();
    await tokens.believe(token);
    publish([fresh.jwk]);
    // The second call asks for the keys in the background; what it finds counts from then on.
    await tokens.believe(token);
    await new Promise((resolve) => setImmediate(resolve));
    await expect(tokens.believe(token)).rejects.toThrow(TokenNotBelieved);
  });

  test('a token counts at its own endpoint alone, remembered or not', async () => {
    const key = await aKey('k1');
    const { tokens: here, all } = publishing([key.jwk]);
    const elsewhere = all.at({ id: 'other', base: `${audience}/other` });
    const token = await key.sign();
    await expect(elsewhere.believe(token)).rejects.toThrow(TokenNotBelieved);
    expect(await here.believe(token)).toMatchObject({ endpoint: 'default' });
    await expect(elsewhere.believe(token)).rejects.toThrow(TokenNotBelieved);
  });

  test('a token service that is away says nothing about the token', async () => {
    const key = await aKey('k1');
    const { tokens } = publishing(undefined);
    await expect(tokens.believe(await key.sign())).rejects.toThrow(KeysUnavailable);
  });

  test('a key of somebody else under a published kid', async () => {
    const [ours, theirs] = await Promise.all([aKey('k1'), aKey('k1')]);
    const { tokens } = publishing([ours.jwk]);
    await expect(tokens.believe(await theirs.sign())).rejects.toThrow(TokenNotBelieved);
  });
});
