import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, jwtVerify, type CryptoKey } from 'jose';
import type { CredentialSettings } from './endpoint-parts.js';
import { CredentialUnavailable } from './upstream-access.js';
import { upstreamAccessOf } from './upstream-access-of.js';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'credentials-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function secret(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
const accessWith = (credential: CredentialSettings) => upstreamAccessOf({ credential });

test('nothing is sent where nothing is configured', () => {
  expect(upstreamAccessOf({}).authorization()).toBeUndefined();
});

test('a bearer token, as its file has it', () => {
  expect(accessWith({ kind: 'bearer', tokenFile: secret('t', 'abc\n') }).authorization()).toBe('Bearer abc');
});

test('a user and a password', () => {
  const access = accessWith({ kind: 'basic', user: 'gatehouse', passwordFile: secret('p', 'ö:1\n') });
  expect(access.authorization()).toBe(`Basic ${Buffer.from('gatehouse:ö:1').toString('base64')}`);
});

describe('as a backend service at the FHIR server’s own authorization server', () => {
  let server: Server;
  let tokenUrl: string;
  let publicKey: CryptoKey;
  let keyFile: string;
  /** The forms that came. */
  let asked: URLSearchParams[];
  let answer: { status: number; body: object };

  beforeAll(async () => {
    const pair = await generateKeyPair('ES384', { extractable: true });
    publicKey = pair.publicKey;
    keyFile = secret('k', JSON.stringify({ ...(await exportJWK(pair.privateKey)), kid: 'k1', alg: 'ES384' }));
    server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (piece) => (text += String(piece)));
      request.on('end', () => {
        asked.push(new URLSearchParams(text));
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    tokenUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/token`;
  });
  beforeEach(() => {
    asked = [];
    answer = { status: 200, body: { access_token: 'tok-1', token_type: 'Bearer', expires_in: 300 } };
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const access = () =>
    accessWith({ kind: 'smart-backend', tokenUrl, clientId: 'gatehouse', keyFile, scope: 'system/*.cruds' });

  test('it signs in with an assertion, once for all who wait, and keeps the token', async () => {
    const { authorization } = access();
    expect(await Promise.all([authorization(), authorization()])).toEqual(['Bearer tok-1', 'Bearer tok-1']);
    expect(authorization()).toBe('Bearer tok-1');
    expect(asked).toHaveLength(1);
    const form = asked[0] ?? new URLSearchParams();
    expect(form.get('scope')).toBe('system/*.cruds');
    const { payload, protectedHeader } = await jwtVerify(form.get('client_assertion') ?? '', publicKey, {
      ...{ issuer: 'gatehouse', subject: 'gatehouse', audience: tokenUrl, maxTokenAge: '5 min' },
    });
    expect(protectedHeader).toEqual({ alg: 'ES384', kid: 'k1', typ: 'JWT' });
    expect(payload.jti).toEqual(expect.any(String));
  });

  test('a token that was refused, or is about to end, is asked for again', async () => {
    const first = access();
    first.refused(String(await first.authorization()));
    answer.body = { access_token: 'tok-2', expires_in: 300 };
    expect(await first.authorization()).toBe('Bearer tok-2');
  });

  test.each([
    [400, { error: 'invalid_client' }],
    [200, { access_token: 'not a token' }],
    [200, {}],
  ])('without a token there is no request: %i %j', async (status, body) => {
    answer = { status, body };
    await expect(access().authorization()).rejects.toThrow(CredentialUnavailable);
  });
});
