import { testProver, type TestProver } from '#testing';
import fc from 'fast-check';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { DpopNonces } from './nonces.js';
import { proofOf, type ProvedRequest } from './proof.js';

const url = 'https://g.example/oauth/token';
const accessToken = 'an.access.token';
let prover: TestProver;

beforeAll(async () => {
  prover = await testProver();
});

const request = (given: Partial<ProvedRequest> = {}): ProvedRequest => ({
  method: 'POST',
  url,
  nowMs: Date.now(),
  ...given,
});
const withClaims = (claims: Readonly<Record<string, unknown>>) => prover.proof('POST', url, { claims });
const withHeader = (header: Readonly<Record<string, unknown>>) => prover.proof('POST', url, { header });
const seconds = (ahead: number) => Math.floor(Date.now() / 1000) + ahead;

describe('a proof of possession', () => {
  test.each(['ES256', 'ES384', 'RS256', 'Ed25519'] as const)('[RFC 9449 §4.3] by %s says which key', async (alg) => {
    const holder = await testProver(alg);
    expect(await proofOf(await holder.proof('POST', url), request())).toMatchObject({
      thumbprint: holder.thumbprint,
      id: expect.any(String),
    });
  });

  test.each([
    ['https://g.example/oauth/token?x=1#y', url],
    ['HTTPS://G.Example:443/oauth/token', url],
    ['https://g.example/fhir/Patient/%70?a', 'https://g.example/fhir/Patient/%70'],
  ])('[RFC 9449 §4.3] htu is a URL, not a text: %s', async (htu, real) => {
    const proof = await prover.proof('GET', htu);
    expect(await proofOf(proof, request({ method: 'GET', url: real }))).toHaveProperty('thumbprint');
  });

  const bad: [string, () => Promise<string>][] = [
    ['another method', () => withClaims({ htm: 'GET' })],
    ['the method in small letters', () => withClaims({ htm: 'post' })],
    ['another path', () => withClaims({ htu: 'https://g.example/oauth/token/' })],
    ['another host', () => withClaims({ htu: 'https://evil.example/oauth/token' })],
    ['another scheme', () => withClaims({ htu: 'http://g.example/oauth/token' })],
    ['no URL', () => withClaims({ htu: '/oauth/token' })],
    ['no htu', () => withClaims({ htu: undefined })],
    ['no htm', () => withClaims({ htm: undefined })],
    ['no jti', () => withClaims({ jti: undefined })],
    ['an empty jti', () => withClaims({ jti: '' })],
    ['a jti without end', () => withClaims({ jti: 'x'.repeat(300) })],
    ['no iat', () => withClaims({ iat: undefined })],
    ['one made a while ago', () => withClaims({ iat: seconds(-90) })],
    ['one made in times to come', () => withClaims({ iat: seconds(90) })],
    ['a nonce that nobody gave', () => withClaims({ nonce: 7 })],
    ['the type of another JWT', () => withHeader({ typ: 'JWT' })],
    ['no type', () => withHeader({ typ: undefined })],
    ['no key', () => withHeader({ jwk: undefined })],
    ['another’s key', async () => withHeader({ jwk: (await testProver()).jwk })],
    ['a key that is no point of the curve', () => withHeader({ jwk: { ...prover.jwk, x: 'AAAA', y: 'AAAA' } })],
    ['a symmetric key', () => withHeader({ jwk: { kty: 'oct', k: 'c2VjcmV0' } })],
    ['nothing at all', async () => ''],
    ['two in one header', async () => `${await prover.proof('POST', url)}, ${await prover.proof('POST', url)}`],
    [
      'no signature',
      async () =>
        new UnsecuredJWT({ jti: 'x', htm: 'POST', htu: url, iat: seconds(0) })
          .encode()
          .replace(/^[^.]+/, Buffer.from('{"alg":"none","typ":"dpop+jwt"}').toString('base64url')),
    ],
    [
      'the private key in it',
      async () => {
        const { privateKey } = await generateKeyPair('ES256', { extractable: true });
        return new SignJWT({ jti: 'x', htm: 'POST', htu: url, iat: seconds(0) })
          .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(privateKey) })
          .sign(privateKey);
      },
    ],
    [
      'a shared secret in the place of a key',
      async () =>
        new SignJWT({ jti: 'x', htm: 'POST', htu: url, iat: seconds(0) })
          .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk: prover.jwk })
          .sign(Buffer.alloc(32)),
    ],
  ];
  test.each(bad)('[RFC 9449 §4.3] is not believed with %s', async (_what, made) => {
    expect(await proofOf(await made(), request())).toMatchObject({ error: 'invalid_dpop_proof' });
  });

  test('[RFC 9449 §4.3] belongs to its access token', async () => {
    const proof = await prover.proof('POST', url, { accessToken });
    expect(await proofOf(proof, request({ accessToken }))).toHaveProperty('thumbprint');
    expect(await proofOf(proof, request({ accessToken: 'another' }))).toHaveProperty('error');
    expect(await proofOf(await prover.proof('POST', url), request({ accessToken }))).toHaveProperty('error');
  });

  test('never fails, whatever is sent', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.base64String(), fc.json()), async (text) => {
        expect(await proofOf([text, text, text].join('.'), request())).toHaveProperty('error');
      }),
      { numRuns: 50 },
    );
  });
});

describe('nonces', () => {
  const nonces = new DpopNonces(['the secret']);
  const nowMs = 1_800_000_000_000;
  const proved = async (nonce: string | undefined, given: Partial<ProvedRequest> = {}) => {
    const proof = await withClaims({ iat: nowMs / 1000, ...(nonce === undefined ? {} : { nonce }) });
    return proofOf(proof, request({ nowMs, nonces, ...given }));
  };

  test('[RFC 9449 §8] count at every instance that has the secret, for a while', async () => {
    const nonce = new DpopNonces(['the secret']).current(nowMs);
    expect(await proved(nonce)).toHaveProperty('thumbprint');
    expect(nonces.accepts(nonce, nowMs + 120_000)).toBe(true);
    expect(nonces.accepts(nonce, nowMs + 300_000)).toBe(false);
    expect(nonces.accepts(nonce, nowMs - 300_000)).toBe(false);
  });

  test('[RFC 9449 §8] are asked for where they are required', async () => {
    expect(await proved(undefined)).toHaveProperty('thumbprint');
    expect(await proved(undefined, { nonceRequired: true })).toMatchObject({ error: 'use_dpop_nonce' });
  });

  test('[RFC 9449 §8] of somebody else do not count', async () => {
    for (const nonce of [new DpopNonces(['another']).current(nowMs), '', 'é', 'x'.repeat(5_000)])
      expect(await proved(nonce)).toMatchObject({ error: 'use_dpop_nonce' });
  });

  test('[RFC 9449 §8] of the secret before count still where it is known', async () => {
    const [before, after] = [new DpopNonces(['a later one', 'the secret']), new DpopNonces(['a later one'])];
    expect(before.accepts(nonces.current(nowMs), nowMs)).toBe(true);
    expect(after.accepts(before.current(nowMs), nowMs)).toBe(true);
    expect(after.accepts(nonces.current(nowMs), nowMs)).toBe(false);
  });

  test('[RFC 9449 §8] do not make an old proof new', async () => {
    const proof = await withClaims({ iat: nowMs / 1000 - 90, nonce: nonces.current(nowMs) });
    expect(await proofOf(proof, request({ nowMs, nonces }))).toMatchObject({ error: 'invalid_dpop_proof' });
  });
});
