import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testAuthorization, testBrowser, testUpstream, type TestAuthorization, type TestUpstream } from '#testing';
import { tokenPart } from './token.part.js';

let server: TestAuthorization;
let south: TestUpstream;
const folder = mkdtempSync(join(tmpdir(), 'endpoints-'));

beforeAll(async () => {
  south = await testUpstream();
  const north = await testUpstream();
  const path = join(folder, 'endpoints.json');
  const endpoints = [
    { id: 'north', upstreamUrl: north.url },
    { id: 'south', upstreamUrl: south.url },
  ];
  writeFileSync(path, JSON.stringify({ endpoints }));
  server = await testAuthorization(tokenPart, { FHIR_UPSTREAM_URL: '', FHIR_ENDPOINTS: path });
  await north.close();
}, 60_000);
afterAll(async () => {
  await server.close();
  await south.close();
  rmSync(folder, { recursive: true });
}, 60_000);

const base = (id: string) => `${server.service.url}/fhir/${id}`;
const errorOf = (url: URL) => url.searchParams.get('error');

describe('an authorization for one of several FHIR endpoints', () => {
  test('is for the endpoint that aud names, and its tokens and refreshed tokens are for no other', async () => {
    server.signInAs('ada', `${base('south')}/Patient/p1`);
    const app = await server.approved();
    const { body } = await server.granted(
      app,
      { aud: base('south'), scope: 'launch/patient openid fhirUser offline_access patient/*.rs' },
      [['duration', 'offline']],
    );
    const { aud, jti } = await server.claimsOf(body.access_token);
    expect(aud).toBe(base('south'));
    expect((await server.claimsOf(String(body.id_token)))['fhirUser']).toBe(`${base('south')}/Patient/p1`);
    const fact = await server.gathered(server.facts, (it) => it.type === 'token-issued' && it.data.tokenId === jti);
    expect(fact.data).toMatchObject({ endpoint: 'south', audience: base('south') });

    const again = await server.refresh(app, body.refresh_token);
    expect((await server.claimsOf(again.body.access_token)).aud).toBe(base('south'));
  });

  test('somebody who is Patient/p1 at one is nobody at the other', async () => {
    server.signInAs('ada', `${base('north')}/Patient/p1`);
    const answer = await server.agree(
      testBrowser(),
      server.request(await server.approved(), { aud: base('south') }).url,
    );
    expect(errorOf(answer)).toBe('access_denied');
    server.signInAs('ada', 'Patient/p1');
    const relative = await server.agree(
      testBrowser(),
      server.request(await server.approved(), { aud: base('south') }).url,
    );
    expect(errorOf(relative)).toBe('access_denied');
  });

  test.each([
    ['the base of all', {}],
    ['another endpoint than resource', { resource: true }],
  ])('aud is not %s', async (_what, { resource }: { resource?: boolean }) => {
    server.signInAs('ada', `${base('south')}/Patient/p1`);
    const asked = resource === true ? { aud: base('south'), resource: base('north') } : {};
    const answer = await server.agree(testBrowser(), server.request(await server.approved(), asked).url);
    expect(errorOf(answer)).toBe(resource === true ? 'invalid_target' : 'invalid_request');
  });

  test('a launch says which it is for, and starts nothing at the other', async () => {
    server.signInAs('doctor', `${base('south')}/Practitioner/d1`);
    const app = await server.approved();
    const mint = async (endpoint?: string) =>
      await server.service.call('/oauth/launches', {
        headers: await server.issuer.bearer('the-ehr', 'launcher'),
        json: {
          clientId: app.client.clientId,
          user: 'doctor',
          patient: 'p1',
          ...(endpoint === undefined ? {} : { endpoint }),
        },
      });
    expect([(await mint()).status, (await mint('west')).status]).toEqual([422, 422]);
    const { launch } = (await (await mint('south')).json()) as { readonly launch: string };
    const scope = 'launch openid patient/*.rs';
    const elsewhere = await server.agree(testBrowser(), server.request(app, { aud: base('north'), scope, launch }).url);
    expect(errorOf(elsewhere)).toBe('invalid_request');
    const here = await server.agree(testBrowser(), server.request(app, { aud: base('south'), scope, launch }).url);
    expect(here.searchParams.get('code')).toEqual(expect.any(String));
  });
});
