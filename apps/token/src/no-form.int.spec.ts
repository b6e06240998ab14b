import { request } from 'node:http';
import { testAuthorization, type TestAuthorization } from '#testing';
import { oauthPaths } from '#smart';
import { tokenPart } from './token.part.js';

let server: TestAuthorization;

beforeAll(async () => {
  server = await testAuthorization(tokenPart, { TOKEN_OPEN_REGISTRATION: '1' });
}, 60_000);
afterAll(() => server.close(), 60_000);

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Sends bytes as they are: `fetch` would add a content type where there is none. */
function post(path: string, headers: Record<string, string>, body: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${server.service.url}${path}`, { method: 'POST', headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode: status, headers: got } = response;
        resolve({ status, headers: got, body: Buffer.concat(chunks).toString() });
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

const form = 'application/x-www-form-urlencoded';

const endpoints = [
  ['introspection', oauthPaths.introspection],
  ['revocation', oauthPaths.revocation],
  ['token', oauthPaths.token],
  ['pushed request', oauthPaths.pushedRequest],
  ['back-channel logout', oauthPaths.backChannelLogout],
] as const;

const notForms: readonly (readonly [what: string, headers: Record<string, string>, body: string | Buffer])[] = [
  ['JSON', { 'content-type': 'application/json' }, '{"token":"x"}'],
  ['JSON that is none', { 'content-type': 'application/json' }, '{"token":'],
  ['text', { 'content-type': 'text/plain' }, 'token=x'],
  ['parts', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--'],
  ['an empty content type', { 'content-type': '' }, 'token=x'],
  ['a content type that is none', { 'content-type': ';;;' }, 'token=x'],
  ['a form of another kind', { 'content-type': `${form}x` }, 'token=x'],
  ['a form that is too long', { 'content-type': form }, `token=${'x'.repeat(1_100_000)}`],
  [
    'a form that is too long, in parts',
    { 'content-type': form, 'transfer-encoding': 'chunked' },
    'x'.repeat(1_100_000),
  ],
];

/** Forms that are read, leniently or not: whatever they say, it is said as OAuth has it. */
const brokenForms: readonly (readonly [what: string, body: string | Buffer])[] = [
  ['broken percent encoding', 'token=%&client_id=%zz&logout_token=%e'],
  ['percent encoding that is no UTF-8', 'token=%ff%fe&client_id=%c3&logout_token=%80'],
  ['bytes that are no UTF-8', Buffer.from([0x74, 0x3d, 0xff, 0xfe, 0x26, 0x80])],
  ['nulls', 'token=a%00b&client_id=%00&logout_token=%00'],
  ['nothing', ''],
  ['names alone', 'token&client_id&logout_token'],
  ['a name of objects', '__proto__=x&constructor=x&token=x&client_id=x&logout_token=x'],
];

describe.each(endpoints)('at the %s endpoint', (_name, path) => {
  test.each(notForms)('[RFC 6749 §5.2] %s is an invalid_request', async (_what, headers, body) => {
    const answer = await post(path, headers, body);
    expect(answer).toMatchObject({
      status: 400,
      headers: { 'content-type': expect.stringMatching(/^application\/json/), 'cache-control': 'no-store' },
    });
    expect(JSON.parse(answer.body)).toEqual({ error: 'invalid_request', error_description: expect.any(String) });
  });

  test.each(brokenForms)('[RFC 6749 §5.2] a form of %s brings an error in its words', async (_what, body) => {
    const answer = await post(path, { 'content-type': form }, body);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect([400, 401]).toContain(answer.status);
    expect(JSON.parse(answer.body)).toEqual({
      error: expect.stringMatching(/^invalid_(request|client)$/),
      error_description: expect.any(String),
    });
  });
});

describe('at the registration endpoint', () => {
  test.each([
    ['a form', { 'content-type': form }, 'client_name=x'],
    ['JSON that is none', { 'content-type': 'application/json' }, '{"client_name":'],
    ['text', { 'content-type': 'text/plain' }, '{}'],
    ['an empty content type', { 'content-type': '' }, '{}'],
    ['no content type', {}, '{}'],
    ['metadata that is too long', { 'content-type': 'application/json' }, `"${'x'.repeat(1_100_000)}"`],
  ])('[RFC 7591 §3.2.2] %s is an error in its words', async (_what, headers: Record<string, string>, body) => {
    const answer = await post(oauthPaths.registration, headers, body);
    expect([answer.status, answer.headers['cache-control']]).toEqual([400, 'no-store']);
    expect(JSON.parse(answer.body)).toEqual({
      error: expect.stringMatching(/^invalid_(request|client_metadata)$/),
      error_description: expect.any(String),
    });
  });
});
