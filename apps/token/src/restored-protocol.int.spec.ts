import { setTimeout as pause } from 'node:timers/promises';
import { oauthPaths } from '#smart';
import { testAuthorization, testProver, type TestApp, type TestAuthorization } from '#testing';
import { tokenPart } from './token.part.js';

let server: TestAuthorization;

beforeAll(async () => {
  server = await testAuthorization(tokenPart);
}, 60_000);
afterAll(() => server.close(), 60_000);

const tables = async () =>
  (await server.sql(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'protocol'`)) as { name: string }[];

/** Keeps all rows of the protocol schema aside, as a dump does. */
async function dump(): Promise<void> {
  await server.sql('DROP SCHEMA IF EXISTS dumped CASCADE');
  await server.sql('CREATE SCHEMA dumped');
  for (const { name } of await tables()) await server.sql(`CREATE TABLE dumped.${name} AS TABLE protocol.${name}`);
}

/** Puts them back in the place of what is there, as whoever restores a dump does. */
async function restore(): Promise<void> {
  const all = await tables();
  await server.sql(`TRUNCATE ${all.map(({ name }) => `protocol.${name}`).join(', ')} RESTART IDENTITY CASCADE`);
  for (const { name } of all)
    await server.sql(`INSERT INTO protocol.${name} OVERRIDING SYSTEM VALUE TABLE dumped.${name}`);
}

interface Told {
  readonly status: number;
  readonly error: string | undefined;
}

async function told(response: Response): Promise<Told> {
  const { error } = (await response.json()) as { readonly error?: string };
  return { status: response.status, error };
}

/** Asks again as long as it is told to, as an honest client does. */
async function patiently(ask: () => Promise<Response>): Promise<Told> {
  for (let attempt = 0; attempt < 30; attempt++) {
    const response = await ask();
    if (response.status !== 503) return told(response);
    await pause(Number(response.headers.get('retry-after')) * 1_000);
  }
  throw new Error('it never came back');
}

const post = (path: string, body: URLSearchParams, headers: Record<string, string> = {}) =>
  server.service.call(path, { method: 'POST', body, headers });

describe('a protocol schema that was restored from a dump', () => {
  const asserting = async ({ client }: TestApp, assertion?: string) =>
    post(
      oauthPaths.token,
      client.form(assertion ?? (await client.assertion(`${server.service.url}${oauthPaths.token}`)), {
        scope: 'system/Patient.rs',
      }),
    );

  const parUrl = () => `${server.service.url}${oauthPaths.pushedRequest}`;
  const push = async (app: TestApp, dpop: string) =>
    post(oauthPaths.pushedRequest, new URL(server.request(app).url).searchParams, { dpop });

  // One restore for all three: each has to wait until what is made is later than the restore.
  test('[RFC 7523 §3] [RFC 9449 §11.1] takes no assertion and no proof that was spent after it, and soon takes new ones again', async () => {
    const app = await server.approved('confidential-asymmetric', ['system/Patient.rs']);
    const [user, prover] = [await server.approved(), await testProver()];
    const assertion = (claims = {}) => app.client.assertion(`${server.service.url}${oauthPaths.token}`, claims);
    expect((await patiently(() => asserting(app))).status).toBe(200);
    expect((await patiently(async () => push(user, await prover.proof('POST', parUrl())))).status).toBe(201);
    await dump();
    const ahead = await assertion({ iat: Math.floor(Date.now() / 1000) + 4 }); // by a clock that is a little ahead
    const spent = [await assertion(), await assertion(), ahead] as const;
    for (const each of spent) expect((await asserting(app, each)).status).toBe(200);
    const proof = await prover.proof('POST', parUrl());
    expect((await push(user, proof)).status).toBe(201);
    await restore();

    // At once nobody knows; afterwards it is known to be too old, however often it is asked.
    expect(await told(await asserting(app, spent[0]))).toEqual({ status: 503, error: 'temporarily_unavailable' });
    expect((await push(user, proof)).status).toBe(503);
    expect(await patiently(() => asserting(app, spent[0]))).toEqual({ status: 401, error: 'invalid_client' });
    expect(await patiently(() => asserting(app, ahead))).toEqual({ status: 401, error: 'invalid_client' });
    for (const each of spent)
      expect(await told(await asserting(app, each))).toEqual({ status: 401, error: 'invalid_client' });
    expect(await patiently(() => push(user, proof))).toEqual({ status: 400, error: 'invalid_dpop_proof' });

    const fresh = await assertion();
    expect((await asserting(app, fresh)).status).toBe(200);
    expect(await told(await asserting(app, fresh))).toEqual({ status: 401, error: 'invalid_client' });
    expect((await push(user, await prover.proof('POST', parUrl()))).status).toBe(201);
  }, 60_000);

  test('without a row for its guards refuses likewise', async () => {
    const app = await server.approved('confidential-asymmetric', ['system/Patient.rs']);
    expect((await patiently(() => asserting(app))).status).toBe(200);
    const spent = await app.client.assertion(`${server.service.url}${oauthPaths.token}`);
    expect((await asserting(app, spent)).status).toBe(200);
    await server.sql('TRUNCATE protocol.replay_guard, protocol.spent_assertions');
    expect(await patiently(() => asserting(app, spent))).toEqual({ status: 401, error: 'invalid_client' });
  }, 60_000);
});

test('a row that was read, vacuumed and frozen is the one that it was', async () => {
  const app = await server.approved('confidential-asymmetric', ['system/Patient.rs']);
  const assertion = () => app.client.assertion(`${server.service.url}${oauthPaths.token}`);
  const ask = async () => post(oauthPaths.token, app.client.form(await assertion(), { scope: 'system/Patient.rs' }));
  expect((await patiently(ask)).status).toBe(200);
  await server.sql('VACUUM (FREEZE) protocol.replay_guard');
  expect((await ask()).status).toBe(200);
});
