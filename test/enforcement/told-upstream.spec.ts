import type { StoredResource } from '#testing';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { IdentitySigner } from '../../apps/gateway/src/user-rights/told-upstream/identity-signer.js';
import { ToldUpstream } from '../../apps/gateway/src/user-rights/told-upstream/told-upstream.js';
import { observation } from './bundle-trial.js';
import { BASE, GatewayInProcess, type SeenAnswer } from './gateway-in-process.js';
import { backend, own, roomy } from './guarded-servers.js';
import { KeepingServer } from './keeping-server.js';
import type { ModelToken } from './model.js';
import { practitioner } from './rights-trial.js';

const resources: readonly StoredResource[] = [
  { resourceType: 'Patient', id: 'patient-01' },
  { resourceType: 'Patient', id: 'patient-02' },
  { ...observation('patient-01'), id: 'o1' },
  { ...observation('patient-02'), id: 'o2' },
];
/** The practitioner treats one patient. */
const treats = (fhirUser: string, it: StoredResource) =>
  fhirUser === `${BASE}/Practitioner/practitioner-01` && !JSON.stringify(it).includes('patient-02');

describe('a user’s rights by the FHIR server, which is told who acts', () => {
  let server: KeepingServer;
  let upstream: Upstream;
  let gateway: GatewayInProcess;
  const observed = { applications: new Set<string>(), untilMs: Date.now() + 86_400_000 };

  beforeEach(async () => {
    observed.applications.clear();
    server = new KeepingServer(resources, treats);
    const key = await server.start();
    upstream = new Upstream({ baseUrl: server.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    const signer = new IdentitySigner({ key, issuer: BASE, audience: server.base, header: 'gatehouse-user' });
    gateway = new GatewayInProcess(upstream, [], [observed], {}, [], new ToldUpstream(signer));
    await gateway.start();
  });
  afterEach(async () => await Promise.all([gateway.close(), upstream.close(), server.close()]));

  const get = async (target: string, token: ModelToken = practitioner, headers: Record<string, string> = {}) =>
    await gateway.call(token, target, { headers });
  const words = (of?: string) =>
    server.requests.filter(({ url }) => of === undefined || url === of).map(({ headers }) => headers['gatehouse-user']);
  const isWord = (word: unknown) => typeof word === 'string' && word.split('.').length === 3;

  test('it is told who acts, for whom, by what scopes and why, for itself alone', async () => {
    expect((await get('/Observation/o1')).status).toBe(200);
    const [told] = server.told;
    expect(told).toMatchObject({
      iss: BASE,
      aud: server.base,
      sub: 's',
      fhirUser: `${BASE}/Practitioner/practitioner-01`,
      client_id: 'client-1',
      gatehouse_application: 'a1',
      scope: 'user/*.cruds',
      purpose_of_use: [],
      jti: expect.any(String),
    });
    expect((told?.exp ?? 0) - (told?.iat ?? 0)).toBeLessThanOrEqual(60);
  });

  test('what it refuses to the user is not there; what it refuses to be asked is refused', async () => {
    const [denied, unknown] = [await get('/Observation/o2'), await get('/Observation/none')];
    expect([denied.status, denied.text]).toEqual([404, unknown.text]);
    expect(JSON.parse((await get('/Observation?status=final')).text)).toMatchObject({ total: 1 });
    const search = await get('/Condition?code=x');
    expect([search.status, JSON.parse(search.text)]).toMatchObject([403, { issue: [{ code: 'forbidden' }] }]);
    expect(JSON.stringify([denied, search])).not.toMatch(/java|patient-02/);
  });

  test('what a caller says of that name never gets there, whoever calls and however it is written', async () => {
    const forged = { 'gatehouse-user': 'a.b.c', 'Gatehouse-User': 'd.e.f', GATEHOUSE_USER: 'x' };
    await get('/Observation/o1', backend, forged);
    await get('/Observation/o1', practitioner, forged);
    const [ofBackend, ofUser] = words('/fhir/Observation/o1');
    expect([ofBackend, isWord(ofUser)]).toEqual([undefined, true]);
    expect(JSON.stringify(server.requests)).not.toMatch(/a\.b\.c|d\.e\.f/);
  });

  test('nor in observe mode, nor by a Bundle', async () => {
    const forged = { 'gatehouse-user': 'a.b.c', 'content-type': 'application/fhir+json' };
    const body = JSON.stringify({
      resourceType: 'Bundle',
      type: 'batch',
      entry: [{ request: { method: 'GET', url: 'Observation/o1' } }],
    });
    await gateway.call(practitioner, '/', { method: 'POST', headers: forged, body });
    observed.applications.add('a1');
    await get('/Observation/o1', backend, forged);
    await get('/Observation/o1', practitioner, forged);
    expect(
      words()
        .filter((it) => it !== undefined)
        .every(isWord),
    ).toBe(true);
    expect(words().at(-2)).toBeUndefined();
    expect(JSON.stringify(server.requests)).not.toContain('a.b.c');
  });

  test('a backend is told as nobody, a patient as who they are', async () => {
    expect((await get('/Observation/o2', backend)).status).toBe(200);
    expect(words()).toEqual([undefined]);
    await get('/Observation/o1', own);
    expect(server.told.at(-1)).toMatchObject({ fhirUser: `${BASE}/Patient/patient-01`, patient: 'patient-01' });
  });

  test('a user whom the token does not name is let nowhere', async () => {
    const foreign = { ...practitioner, fhirUser: 'https://other.example/Practitioner/practitioner-01' };
    expect((await get('/Observation/o1', foreign)).status).toBe(403);
    expect(server.requests).toEqual([]);
  });

  test('a server that takes a forged word gets no user’s call; backends go on', async () => {
    server.mode = 'ignores';
    const refused = async (method: string, target: string): Promise<SeenAnswer> =>
      await gateway.call(practitioner, target, { method });
    for (const answer of [
      await refused('GET', '/Observation/o1'),
      await refused('GET', '/Observation?status=final'),
      await refused('DELETE', '/Observation/o1'),
    ])
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { issue: [{ code: 'not-supported' }] }]);
    // It was asked once, by nobody's key.
    expect(server.requests.map(({ url }) => url)).toEqual(['/fhir/Patient?_count=1']);
    expect((await get('/Observation/o1', backend)).status).toBe(200);
    await gateway.idle();
    expect(gateway.records[0]).toMatchObject({
      type: 'access-denied',
      data: { reason: 'the upstream takes a forged identity', rightsBy: ['upstream'] },
    });
  });

  test('observed, a call to a server that takes a forged word goes on, and is recorded as one that is refused', async () => {
    server.mode = 'ignores';
    observed.applications.add('a1');
    expect((await get('/Observation/o1')).status).toBe(200);
    await gateway.idle();
    expect(gateway.records).toMatchObject([
      {
        type: 'access-allowed',
        data: { observed: 'denied', reason: 'observed, not refused: the upstream takes a forged identity' },
      },
      { data: { observed: { outcome: 'denied', withheld: 1 } } },
    ]);
  });

  describe('a server that refuses the question itself', () => {
    const lists = '/fhir/Patient?_count=1';
    const asked = () => words(lists).length;
    const isUnknown = ({ status, text }: SeenAnswer) => {
      expect([status, JSON.parse(text)]).toMatchObject([503, { issue: [{ code: 'transient' }] }]);
      expect(words('/fhir/Observation/o1')).toEqual([]);
    };

    test.each(['ignores', 'looks'] as const)(
      'by refusing lists is not known to look, and one that %s',
      async (mode) => {
        server.mode = mode;
        server.refusal = (url) => (url === lists ? 403 : undefined);
        isUnknown(await get('/Observation/o1'));
        await gateway.idle();
        expect(gateway.records[0]).toMatchObject({
          type: 'access-denied',
          data: { reason: 'the upstream does not let the gateway find out whether it keeps users apart' },
        });
      },
    );

    test('since the gateway’s credential lapsed is not known to look, and is asked again once it counts', async () => {
      server.mode = 'ignores';
      server.refusal = () => 401;
      isUnknown(await get('/Observation/o1'));
      server.refusal = undefined;
      const answer = await get('/Observation/o1');
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { issue: [{ code: 'not-supported' }] }]);
      expect(words('/fhir/Observation/o1')).toEqual([]);
    });

    test('once, with a credential that is renewed by it, does not count as one that looks', async () => {
      server.mode = 'ignores';
      server.refusal = () => (server.requests.length === 1 ? 401 : undefined);
      const answer = await get('/Observation/o1');
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { issue: [{ code: 'not-supported' }] }]);
      expect(words('/fhir/Observation/o1')).toEqual([]);
    });

    test('no more looks, and is not asked again for the next call', async () => {
      server.refusal = (url) => (url === lists ? 403 : undefined);
      isUnknown(await get('/Observation/o1'));
      server.refusal = undefined;
      expect((await get('/Observation/o1')).status).toBe(200);
      const before = asked();
      expect((await get('/Observation/o1')).status).toBe(200);
      expect(asked()).toBe(before);
    });
  });

  test('a server that is away is told nothing, and the caller so', async () => {
    await server.close();
    expect((await get('/Observation/o1')).status).toBe(502);
    await server.start();
  });
});
