import type { StoredResource } from '#testing';
import { entry, mine, observation, theirs } from './bundle-trial.js';
import { BASE, type SeenAnswer } from './gateway-in-process.js';
import { backend, guardedServers, own } from './guarded-servers.js';
import { practitioner, RightsTrial, treats01 } from './rights-trial.js';

interface Bundle {
  readonly total?: number;
  readonly entry?: readonly { readonly resource?: StoredResource; readonly response?: { readonly status: string } }[];
  readonly link?: readonly { readonly relation: string; readonly url: string }[];
}

describe.each(guardedServers)('a user’s rights by a decision point, before %s', (_name, listen) => {
  let trial: RightsTrial;
  beforeEach(async () => void (trial = await RightsTrial.start(listen)));
  afterEach(async () => await trial.close());

  const bundleIn = ({ text }: SeenAnswer) => JSON.parse(text) as Bundle;
  const idsIn = (answer: SeenAnswer) => (bundleIn(answer).entry ?? []).map(({ resource }) => resource?.id ?? '');

  describe('what is read', () => {
    test('is what the point lets through; the rest is not there', async () => {
      expect((await trial.get(`/${mine}`)).status).toBe(200);
      for (const [denied, none] of [
        [`/${theirs}`, '/Observation/none'],
        [`/${theirs}/_history/1`, '/Observation/none/_history/1'],
        [`/${theirs}/_history`, '/Observation/none/_history'],
        ['/Patient/patient-02', '/Patient/none'],
        ['/Patient/patient-02/$everything', '/Patient/none/$everything'],
      ] as const) {
        const [answer, unknown] = [await trial.get(denied), await trial.get(none)];
        expect([answer.status, answer.text]).toEqual([404, unknown.text]);
      }
    });

    test('the point is told who acts, what is to be done, and whose it is', async () => {
      await trial.get(`/${mine}`);
      expect(trial.point.requests).toMatchObject([{ path: '/pdp/access/v1/evaluation' }]);
      expect(trial.point.questions).toEqual([
        {
          subject: {
            type: 'Practitioner',
            id: 'practitioner-01',
            properties: { fhirUser: `${BASE}/Practitioner/practitioner-01` },
          },
          action: { name: 'read' },
          resource: {
            type: 'Observation',
            id: 'observation-01-laboratory',
            properties: { patients: ['patient-01'], aboutOthers: false },
          },
          context: {
            endpoint: 'default',
            applicationId: 'a1',
            clientId: 'client-1',
            scopes: 'user/*.cruds',
            purposesOfUse: [],
          },
        },
      ]);
    });

    test('types that all patients share are asked about as well', async () => {
      trial.point.decide = ({ resource: { type } }) => type !== 'Practitioner';
      expect((await trial.get('/Practitioner/practitioner-01')).status).toBe(404);
      expect((await trial.get('/Organization/organization-01')).status).toBe(200);
    });

    test('what belongs to something is seen with it alone', async () => {
      expect((await trial.get('/Provenance/provenance-01')).status).toBe(200);
      expect((await trial.get('/Provenance/provenance-02')).status).toBe(404);
      expect((await trial.get('/Binary/binary-01')).status).toBe(200);
      expect((await trial.get('/Binary/binary-02')).status).toBe(404);
    });
  });

  describe('what is found', () => {
    test('is checked entry by entry, many in one request, and counted so', async () => {
      const answer = await trial.get('/Observation?_count=100');
      const ids = idsIn(answer);
      expect(ids).toContain('observation-01-laboratory');
      expect(ids.every((it) => it.startsWith('observation-01-'))).toBe(true);
      expect(bundleIn(answer).total).toBe(ids.length);
      expect(trial.point.requests.every(({ path, about }) => path.endsWith('/evaluations') && about <= 50)).toBe(true);
      expect(trial.point.requests.length).toBeLessThan(trial.point.questions.length);
      trial.point.forget();
      expect(bundleIn(await trial.get('/Observation?_summary=count&_count=100')).total).toBe(ids.length);
    });

    test('brings nothing along that the point does not let through', async () => {
      const search = '/MedicationRequest?patient=patient-01&_include=MedicationRequest:medication';
      const types = async () =>
        (bundleIn(await trial.get(search)).entry ?? []).map(({ resource }) => resource?.resourceType);
      expect(await types()).toContain('Medication');
      trial.point.decide = (question) => treats01(question) && question.resource.type !== 'Medication';
      expect(await types()).not.toContain('Medication');
      trial.point.decide = (question) => treats01(question) && question.resource.type !== 'Provenance';
      expect(idsIn(await trial.get('/Observation?patient=patient-01&_revinclude=Provenance:target'))).not.toContain(
        'provenance-01',
      );
    });

    test('a whole record is checked entry by entry', async () => {
      trial.point.decide = (question) => treats01(question) && question.resource.type !== 'Observation';
      const ids = idsIn(await trial.get('/Patient/patient-01/$everything'));
      expect(ids).toContain('patient-01');
      expect(ids.filter((it) => it.startsWith('observation'))).toEqual([]);
    });

    test.each(['/Patient?_has:Observation:patient:code=4548-4', '/Observation?patient.gender=female'])(
      'what looks into others without showing them is refused: %s',
      async (target) => {
        expect((await trial.get(target)).status).toBe(403);
        expect(trial.point.requests).toEqual([]);
      },
    );

    test('each page is decided anew: what was let through is so no more', async () => {
      const first = await trial.get('/Observation?_count=1');
      const next = bundleIn(first).link?.find(({ relation }) => relation === 'next');
      trial.point.decide = () => false;
      expect(idsIn(await trial.get(next?.url ?? ''))).toEqual([]);
    });
  });

  describe('what is written', () => {
    test('is let through before and after, or changes nothing', async () => {
      const before = await trial.there(theirs);
      const id = theirs.slice('Observation/'.length);
      expect((await trial.send('PUT', `/${theirs}`, observation('patient-01', { id }))).status).toBe(404);
      expect((await trial.send('DELETE', `/${theirs}`)).status).toBe(trial.ofDeletion(404));
      expect(await trial.there(theirs)).toEqual(before);
      const own = mine.slice('Observation/'.length);
      const moved = await trial.send('PUT', `/${mine}`, observation('patient-02', { id: own }));
      expect([moved.status, (await trial.there(mine))?.['subject']]).toEqual([
        403,
        { reference: 'Patient/patient-01' },
      ]);
      expect((await trial.send('POST', '/Observation', observation('patient-02'))).status).toBe(403);
      expect((await trial.send('POST', '/Observation', observation('patient-01'))).status).toBe(201);
      expect(new Set(trial.point.questions.map(({ action }) => action.name))).toEqual(
        new Set(['read', 'create', 'update', ...(trial.guarded.deletesUnasked === true ? [] : ['delete'])]),
      );
    });

    test('needs the right to do just that', async () => {
      trial.point.decide = (question) => treats01(question) && question.action.name === 'read';
      expect((await trial.send('DELETE', `/${mine}`)).status).toBe(403);
      expect((await trial.send('PUT', `/${mine}`, observation('patient-01', { id: mine.slice(12) }))).status).toBe(403);
      expect(await trial.there(mine)).toBeDefined();
    });

    test('no condition reaches what the point does not let through', async () => {
      const answer = await trial.send('POST', '/Observation', observation('patient-01'), {
        'if-none-exist': '_id=observation-02-laboratory',
      });
      // Found, it would have been 200 with somebody else's resource.
      expect(answer.status).toBe(201);
      expect((await trial.send('DELETE', '/Observation?_id=observation-02-laboratory')).status).toBe(
        trial.ofDeletion(204),
      );
      expect(await trial.there(theirs)).toBeDefined();
    });
  });

  describe('in Bundles', () => {
    test('each entry of a batch is asked about', async () => {
      const answer = await trial.bundle('batch', [
        entry(`GET ${mine}`),
        entry(`GET ${theirs}`),
        entry('POST Observation', observation('patient-02')),
        entry('POST Observation', observation('patient-01')),
      ]);
      const statuses = (bundleIn(answer).entry ?? []).map(({ response }) => response?.status.slice(0, 3));
      expect(statuses).toEqual(['200', '404', '403', '201']);
    });

    test('a transaction with one entry that is not let through is refused whole', async () => {
      const deletes = trial.guarded.deletesUnasked !== true;
      const removal = deletes
        ? entry(`DELETE ${mine}`)
        : entry(`PUT ${mine}`, observation('patient-01', { id: mine.slice(12) }));
      const refused = await trial.bundle('transaction', [
        entry('POST Observation', observation('patient-01')),
        removal,
        entry('POST Observation', observation('patient-02')),
      ]);
      expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
        403,
        { issue: [{ expression: ['Bundle.entry[2]'] }] },
      ]);
      expect(await trial.there(mine)).toBeDefined();
      expect((await trial.bundle('transaction', [removal])).status).toBe(200);
      expect((await trial.there(mine)) === undefined).toBe(deletes);
    });
  });

  describe('who is not asked about', () => {
    test('a backend, and a patient who reads the own record', async () => {
      trial.point.decide = () => false;
      expect((await trial.get(`/${theirs}`, backend)).status).toBe(200);
      expect((await trial.get(`/${mine}`, own)).status).toBe(200);
      expect(idsIn(await trial.get('/Observation?patient=patient-01', own)).length).toBeGreaterThan(0);
      expect(trial.point.requests).toEqual([]);
    });

    test('a patient’s user/ scopes are cut, and the patient/ scopes of somebody else', async () => {
      trial.point.decide = () => false;
      const { scopes } = practitioner;
      expect((await trial.get(`/${mine}`, { ...own, scopes })).status).toBe(404);
      expect((await trial.get(`/${mine}`, { ...own, fhirUser: 'Practitioner/practitioner-01' })).status).toBe(404);
      trial.point.decide = treats01;
      expect((await trial.get(`/${mine}`, { ...own, fhirUser: 'Practitioner/practitioner-01' })).status).toBe(200);
    });

    test('a user whom the token does not name sees nothing, and is not asked about', async () => {
      trial.point.decide = () => true;
      for (const fhirUser of ['https://other.example/Practitioner/practitioner-01', 'urn:uuid:1'])
        expect((await trial.get(`/${mine}`, { ...practitioner, fhirUser })).status).toBe(403);
      expect(trial.point.requests).toEqual([]);
    });
  });

  test('records say who decides, what came of it, and that nobody answered', async () => {
    await trial.get('/Observation?_count=100');
    await trial.send('POST', '/Observation', observation('patient-02'));
    trial.point.wrong = 'fails';
    await trial.get(`/${mine}`);
    await trial.gateway.idle();
    const [found, foundEnd, refused, unanswered, unansweredEnd] = trial.gateway.records.map(({ data: it }) => it);
    expect(found).toMatchObject({ interaction: 'search-type', rightsBy: ['pdp'] });
    expect(foundEnd).toMatchObject({ status: 200, rights: [{ by: 'pdp', unanswered: 0 }] });
    expect(foundEnd).not.toHaveProperty('rights.0.allowed', 0);
    expect(foundEnd).not.toHaveProperty('rights.0.denied', 0);
    expect(refused).toMatchObject({ interaction: 'create', status: 403, rightsBy: ['pdp'] });
    expect(refused).toHaveProperty('reason', expect.stringContaining('not let through by pdp'));
    expect(unanswered).toMatchObject({ interaction: 'read', rightsBy: ['pdp'] });
    expect(unansweredEnd).toMatchObject({ status: 503, bytes: 0, rights: [{ by: 'pdp', unanswered: 1 }] });
  });
});
