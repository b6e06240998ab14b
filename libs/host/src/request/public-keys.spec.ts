import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { generateKeyPairSync } from 'node:crypto';
import { ProblemException } from '../problem/problem-exception.js';
import { readPublicKeys } from './public-keys.js';

const newKey = async (alg: 'RS384' | 'ES384', extractable = true) => {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable });
  return {
    open: { ...(await exportJWK(publicKey)), kid: 'k' },
    secret: { ...(await exportJWK(privateKey)), kid: 'k' },
  };
};
const read = (...keys: Record<string, unknown>[]) => readPublicKeys(keys, (index) => `/jwks/keys/${index}`);
const faultsOf = async (key: Record<string, unknown>) => {
  try {
    await read(key);
  } catch (error) {
    if (error instanceof ProblemException) return error.problem.errors;
    throw error;
  }
  throw new Error('the key was taken');
};

describe('public keys of clients', () => {
  it.each(['RS384', 'ES384'] as const)(
    'takes one for %s with its thumbprint, and keeps no other members',
    async (alg) => {
      const { open } = await newKey(alg);
      const [key] = await read({ ...open, x5u: 'https://evil.example/', alg });
      expect(key).toEqual({
        kid: 'k',
        thumbprint: await calculateJwkThumbprint(open),
        jwk: { ...open, use: 'sig', alg },
      });
    },
  );

  it.each(['RS384', 'ES384'] as const)('refuses the private key of %s', async (alg) => {
    const { secret } = await newKey(alg);
    expect(await faultsOf(secret)).toEqual([
      { pointer: '/jwks/keys/0/d', detail: expect.stringContaining('private part') },
    ]);
  });

  it.each([
    [1024, /has 1024 bits/],
    [2040, /has 2040 bits/],
  ])('refuses an RSA key of %i bits', async (modulusLength, detail) => {
    const jwk = generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' });
    expect(await faultsOf({ ...jwk, kid: 'k' })).toEqual([
      { pointer: '/jwks/keys/0/n', detail: expect.stringMatching(detail) },
    ]);
  });

  it('refuses a small exponent, another curve, a point off the curve, another use, no kid and a symmetric key', async () => {
    const { open } = await newKey('ES384');
    const rsa = (await newKey('RS384')).open;
    const p256 = { ...(await exportJWK((await generateKeyPair('ES256')).publicKey)), kid: 'k' };
    const pointer = async (key: Record<string, unknown>) => (await faultsOf(key))?.map((fault) => fault.pointer);
    expect(await pointer({ ...rsa, e: 'Aw' })).toEqual(['/jwks/keys/0/e']);
    expect(await pointer(p256)).toEqual(['/jwks/keys/0/crv']);
    expect(await pointer({ ...open, x: open.y, y: open.x })).toEqual(['/jwks/keys/0']);
    expect(await pointer({ ...open, use: 'enc' })).toEqual(['/jwks/keys/0/use']);
    expect(await pointer({ ...open, alg: 'RS384' })).toEqual(['/jwks/keys/0/alg']);
    expect(await pointer({ ...open, key_ops: ['sign'] })).toEqual(['/jwks/keys/0/key_ops']);
    expect(await pointer({ ...open, kid: undefined })).toEqual(['/jwks/keys/0/kid']);
    expect(await pointer({ kty: 'oct', k: 'c2VjcmV0', kid: 'k' })).toEqual(['/jwks/keys/0/k']);
    expect(await pointer({ kty: 'OKP', crv: 'Ed25519', x: open.x, kid: 'k' })).toEqual(['/jwks/keys/0/kty']);
  });
});
