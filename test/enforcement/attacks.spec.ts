import { listenHostile, type StoredResource } from '#testing';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { BASE, GatewayInProcess, type SeenAnswer } from './gateway-in-process.js';
import { backend, data, type Guarded, guardedServers, own, roomy, someoneElse } from './guarded-servers.js';

describe.each(guardedServers)('before %s', (_name, listen) => {
  let guarded: Guarded;
  let upstream: Upstream;
  let gateway: GatewayInProcess;

  beforeAll(async () => {
    guarded = await listen();
    upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    gateway = new GatewayInProcess(upstream);
    await gateway.start();
  });
  afterAll(async () => {
    await Promise.all([gateway.close(), upstream.close()]);
    await guarded.close();
  });

  const get = async (target: string, token = own, init: RequestInit = {}) => await gateway.call(token, target, init);
  const post = async (target: string, body: string | URLSearchParams) =>
    await gateway.call(own, target, {
      method: 'POST',
      body,
      headers: typeof body === 'string' ? { 'content-type': 'application/fhir+json' } : {},
    });

  interface Bundle {
    readonly total?: number;
    readonly entry?: readonly { readonly fullUrl: string; readonly resource: StoredResource }[];
    readonly link: readonly { readonly relation: string; readonly url: string }[];
  }
  const bundleOf = ({ text }: SeenAnswer) => JSON.parse(text) as Bundle;
  const idsIn = (answer: SeenAnswer) => (bundleOf(answer).entry ?? []).map(({ resource }) => resource.id);

  /** Nothing in it is another patient's, or the FHIR server's own. */
  function expectNothingForeign({ headers, text }: SeenAnswer): void {
    // What was asked for is said again.
    const all = JSON.stringify(headers) + text.replace(/\{"relation":"self","url":"[^"]*"\}/, '');
    for (const not of [
      /patient-(0[2-9]|1\d)/,
      /(observation|encounter|condition|device|provenance|document)-(0[2-9]|1\d)/,
      /127\.0\.0\.1|HAPI[-:]|JSESSIONID|x-cache|<html/i,
    ])
      expect(all).not.toMatch(not);
  }

  describe('URLs', () => {
    test('no address of the server in links, fullUrl, references or headers, whatever Host says', async () => {
      const answer = await get('/Observation?patient=patient-01&_count=2', own, {
        headers: { 'x-forwarded-host': 'evil.example' },
      });
      expect(answer.status).toBe(200);
      expectNothingForeign(answer);
      for (const { fullUrl } of bundleOf(answer).entry ?? [])
        expect(fullUrl).toMatch(new RegExp(`^${BASE}/Observation/`));
      for (const { url } of bundleOf(answer).link) expect(url.startsWith(BASE)).toBe(true);
    });

    test.each([
      '//Patient/patient-02',
      '/Patient//patient-02',
      '/%50atient/patient-02',
      '/Patient/patient-02/',
      '/Patient%2Fpatient-02',
      '/Patient/patient-02%00',
      '/Patient;x=1/patient-02',
    ])('a path that a server would resolve is refused: %s', async (path) => {
      const answer = await get(path);
      expect(answer.status).toBe(403);
      expect(JSON.parse(answer.text)).toMatchObject({ resourceType: 'OperationOutcome' });
      expectNothingForeign(answer);
    });
  });

  describe('paging', () => {
    test('goes through all that is the patient’s, once each, over sealed links', async () => {
      const seen: string[] = [];
      let answer = await get('/Observation?patient=patient-01&_count=2');
      for (;;) {
        expectNothingForeign(answer);
        seen.push(...idsIn(answer));
        const next = bundleOf(answer).link.find(({ relation }) => relation === 'next');
        if (!next) break;
        expect(next.url).toMatch(new RegExp(`^${BASE}/Observation\\?_page=[\\w-]+$`));
        answer = await get(next.url);
      }
      expect(seen.sort()).toEqual(
        data
          .filter(({ id }) => id.startsWith('observation-01-'))
          .map(({ id }) => id)
          .sort(),
      );
    });

    test('a link does not count for another patient’s token, nor a page id that the server would give anybody', async () => {
      const first = await get('/Observation?patient=patient-01&_count=2');
      const next = bundleOf(first).link.find(({ relation }) => relation === 'next');
      expect((await get(next?.url ?? '', someoneElse)).status).toBe(403);
      expect((await get('/?_getpages=00&_getpagesoffset=0')).status).toBe(403);
      expect((await get('/Observation?patient=patient-01&_bundletype=transaction')).status).toBe(403);
    });

    test('a page of a backend that hides nothing has the server’s own count', async () => {
      const answer = await get('/Observation?_count=2', backend);
      const held = data.filter((it) => it.resourceType === 'Observation').length;
      // HAPI, for one, does not count what it has not looked for yet.
      expect(guarded.isForeign === true ? [held, undefined] : [held]).toContain(bundleOf(answer).total);
    });
  });

  describe('searches that escape', () => {
    test.each([
      'patient=',
      'patient',
      'patient=patient-01,',
      '_filter=patient+eq+patient-02',
      'patient%3D=a',
      'colour=red',
      '_list=l',
    ])('refused: %s', async (query) => {
      const answer = await get(`/Observation?${query}`);
      expect(answer.status).toBe(403);
      expectNothingForeign(answer);
    });

    test.each([
      'patient=patient-01,patient-02',
      'patient=patient-01%2Cpatient-02',
      '%70atient=patient-01',
      'subject=Patient/patient-01&category=vital-signs',
      'status=final',
      '_id=observation-01-laboratory,observation-02-laboratory',
      'patient=patient-01&_elements=status',
      'patient=patient-01&_summary=true',
      '_sort=-date',
      '_total=accurate&_count=3',
    ])('finds the own and nothing else: %s', async (query) => {
      const answer = await get(`/Observation?${query}`);
      expect(answer.status).toBe(200);
      expect(idsIn(answer).length).toBeGreaterThan(0);
      expectNothingForeign(answer);
    });

    test('a date is compared by the server, among the own', async () => {
      const after = await get('/Observation?date=ge2025-10-01T00:00:00Z&date=lt2025-10-02');
      const [none] = [await get('/Observation?date=lt1900')];
      expect([after.status, none.status]).toEqual([200, 200]);
      for (const answer of [after, none]) expectNothingForeign(answer);
      const dated = data.filter(
        ({ id, effectiveDateTime: at }) =>
          id.startsWith('observation-01-') && typeof at === 'string' && at >= '2025-10-01' && at < '2025-10-02',
      );
      expect(dated.length).toBeGreaterThan(0);
      // A hostile server knows no dates, and finds all.
      const [found, never] = [idsIn(after), idsIn(none)];
      expect(dated.map(({ id }) => id).filter((id) => !found.includes(id))).toEqual([]);
      if (!guarded.hostile) expect([found.length, never]).toEqual([dated.length, []]);
    });

    test.each(['patient=patient-01', 'patient=Patient/patient-01', 'status=active'])(
      'a Device is found by whose it is: Device?%s',
      async (query) => {
        const answer = await get(`/Device?${query}`);
        expect([answer.status, idsIn(answer)]).toEqual([200, ['device-01']]);
        expectNothingForeign(answer);
        expect(bundleOf(await get('/Device?patient=patient-02'))).toMatchObject({ total: 0 });
      },
    );

    test.each([
      'code:not=x',
      'patient:missing=false',
      'subject:missing=false',
      'subject:Patient=patient-01,patient-02',
    ])('finds the own at most, whatever the server makes of it: %s', async (query) => {
      const answer = await get(`/Observation?${query}`);
      expect(answer.status).toBe(200);
      expectNothingForeign(answer);
    });

    test.each([
      'patient=patient-02',
      'patient=http://other.example/fhir/Patient/patient-02',
      '_id=observation-02-laboratory',
      'patient=patient-99',
    ])('finds nothing, whether or not there is something: %s', async (query) => {
      const answer = await get(`/Observation?${query}`);
      expect(answer.status).toBe(200);
      expect(bundleOf(answer)).toMatchObject({ total: 0 });
      expect(bundleOf(answer).entry).toBeUndefined();
    });

    test.each([
      ['/Observation?patient.gender=female', 'system/Patient.s'],
      ['/Patient?_has:Observation:patient:code=4548-4', 'system/Observation.s'],
    ])('what looks into others is refused, and told which scope would do: %s', async (target, scope) => {
      const answer = await get(target);
      expect(answer.status).toBe(403);
      expect(answer.headers['www-authenticate']).toContain(`scope="${scope}"`);
    });

    test('a search by POST means its form and its URL together', async () => {
      const answer = await post('/Observation/_search?status=final', new URLSearchParams({ category: 'laboratory' }));
      expect(idsIn(answer)).toEqual(['observation-01-laboratory']);
      expectNothingForeign(answer);
    });

    test('_include brings what a match refers to, _revinclude what refers to one, and no more', async () => {
      const medications = await get('/MedicationRequest?patient=patient-01&_include=MedicationRequest:medication');
      expect(bundleOf(medications).entry?.map(({ resource }) => resource.resourceType)).toContain('Medication');
      expectNothingForeign(medications);
      const provenances = await get('/Observation?patient=patient-01&_revinclude=Provenance:target');
      expect(idsIn(provenances).filter((it) => it.startsWith('provenance'))).toEqual(['provenance-01']);
      expectNothingForeign(provenances);
    });

    test('_elements gives what was asked for, of the own alone', async () => {
      const [first] = bundleOf(await get('/Observation?_elements=status')).entry ?? [];
      expect(Object.keys(first?.resource ?? {}).sort()).toEqual(['code', 'id', 'meta', 'resourceType', 'status']);
    });

    test('a count counts what may be seen', async () => {
      const expected = data.filter(({ id }) => id.startsWith('observation-01-')).length;
      expect(bundleOf(await get('/Observation?_summary=count'))).toMatchObject({ total: expected });
    });
  });

  describe('reads', () => {
    test('of the own, of what it belongs to, and of what is shared', async () => {
      for (const target of [
        '/Patient/patient-01',
        '/Observation/observation-01-laboratory',
        '/Device/device-01',
        '/Practitioner/practitioner-01',
        '/Organization/organization-01',
        '/Binary/binary-01',
        '/Provenance/provenance-01',
      ]) {
        const answer = await get(target);
        expect([target, answer.status]).toEqual([target, 200]);
        expectNothingForeign(answer);
      }
      expect((await get('/Binary/binary-01')).headers).toMatchObject({ 'content-disposition': 'attachment' });
    });

    test('what is another’s answers as what is not there, by every method and condition', async () => {
      const unknown = await get('/Observation/none');
      expect(unknown.status).toBe(404);
      expectNothingForeign(unknown);
      for (const headers of [
        {},
        { 'if-none-match': 'W/"1"' },
        { 'if-none-match': '*' },
        { 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' },
        { range: 'bytes=0-10' },
        { accept: 'application/fhir+xml' },
      ])
        expect(await get('/Observation/observation-02-laboratory', own, { headers })).toEqual(unknown);
      const head = await get('/Observation/observation-02-laboratory', own, { method: 'HEAD' });
      expect(head).toEqual(await get('/Observation/none', own, { method: 'HEAD' }));
      for (const target of [
        '/Patient/patient-02',
        '/Binary/binary-02',
        '/Provenance/provenance-02',
        '/Device/device-02',
      ])
        expect((await get(target)).text).toBe(unknown.text);
      expect((await get('/Observation/observation-02-laboratory/_history/1')).text).toBe(unknown.text);
      expect((await get('/Observation/observation-02-laboratory/_history')).text).toBe(unknown.text);
    });

    test('of the own, conditions and HEAD are answered here; Range and XML are not taken up', async () => {
      const whole = await get('/Observation/observation-01-laboratory');
      const { etag = '' } = whole.headers;
      expect(
        (await get('/Observation/observation-01-laboratory', own, { headers: { 'if-none-match': etag } })).status,
      ).toBe(304);
      const head = await get('/Observation/observation-01-laboratory', own, { method: 'HEAD' });
      expect([head.status, head.text, head.headers['content-length']]).toEqual([
        200,
        '',
        whole.headers['content-length'],
      ]);
      for (const headers of [{ range: 'bytes=0-10' }, { accept: 'text/html' }])
        expect((await get('/Observation/observation-01-laboratory', own, { headers })).text).toBe(whole.text);
      expect((await get('/Observation/observation-01-laboratory?_format=xml')).status).toBe(403);
    });
  });

  describe('what is open by default', () => {
    test.each([
      '/_history',
      '/Observation/_history',
      '/Patient/$everything',
      '/$diff',
      '/Patient/$diff',
      '/Observation/observation-02-laboratory/$meta',
      '/$reindex',
      '/$export',
      '/$graphql',
      '/Observation/$lastn',
      '/swagger-ui/',
      '/Patient/patient-01/Observation',
    ])('refused: %s', async (target) => {
      const answer = await get(target);
      expect(answer.status).toBe(403);
      expectNothingForeign(answer);
    });

    test('neither its cookies nor its CORS pass', async () => {
      const { headers } = await get('/Observation/observation-01-laboratory', own, {
        headers: { origin: 'https://evil.example' },
      });
      for (const name of [
        'set-cookie',
        'access-control-allow-origin',
        'access-control-allow-credentials',
        'x-cache',
        'content-location',
      ])
        expect(headers[name]).toBeUndefined();
    });
  });
});

describe('what a server does with versions', () => {
  let gateway: GatewayInProcess;
  let upstream: Upstream;
  let hostile: Awaited<ReturnType<typeof listenHostile>>;

  beforeEach(async () => {
    hostile = await listenHostile(data);
    upstream = new Upstream({ baseUrl: hostile.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    gateway = new GatewayInProcess(upstream);
    await gateway.start();
  });
  afterEach(async () => {
    await Promise.all([gateway.close(), upstream.close()]);
    await hostile.close();
  });

  const get = async (target: string) => await gateway.call(own, target);

  test('a deleted resource is one that is not there, its old versions too', async () => {
    expect((await get('/Observation/observation-01-laboratory/_history/1')).status).toBe(200);
    hostile.server.handle({ method: 'DELETE', target: '/Observation/observation-01-laboratory' });
    const unknown = await get('/Observation/none');
    expect(await get('/Observation/observation-01-laboratory')).toEqual(unknown);
    expect(await get('/Observation/observation-01-laboratory/_history/1')).toEqual(unknown);
    expect(await get('/Observation/observation-01-laboratory/_history')).toEqual(unknown);
  });

  test('one that went to another patient took its past along; one that came shows its own part of it', async () => {
    const move = (id: string, patient: string) =>
      hostile.server.handle({
        method: 'PUT',
        target: `/Observation/${id}`,
        body: JSON.stringify({
          resourceType: 'Observation',
          id,
          status: 'final',
          code: {},
          subject: { reference: `Patient/${patient}` },
        }),
      });
    move('observation-01-laboratory', 'patient-02');
    const unknown = await get('/Observation/none');
    expect(await get('/Observation/observation-01-laboratory')).toEqual(unknown);
    expect(await get('/Observation/observation-01-laboratory/_history/1')).toEqual(unknown);

    move('observation-02-laboratory', 'patient-01');
    expect((await get('/Observation/observation-02-laboratory')).status).toBe(200);
    expect(await get('/Observation/observation-02-laboratory/_history/1')).toEqual(unknown);
    const history = await get('/Observation/observation-02-laboratory/_history');
    expect(history.text).not.toContain('patient-02');
    expect(JSON.parse(history.text)).toMatchObject({ total: 1 });
  });

  test('the server is told not to answer from a search of a minute ago, and no condition of the caller', async () => {
    await gateway.call(own, '/Observation/observation-01-laboratory', {
      headers: { 'if-none-match': 'W/"1"', range: 'bytes=0-1', cookie: 'a=b' },
    });
    const [sent] = hostile.server.requests;
    expect(sent?.headers).toMatchObject({ 'cache-control': 'no-cache', accept: 'application/fhir+json' });
    for (const name of ['if-none-match', 'range', 'cookie', 'authorization'])
      expect(sent?.headers).not.toHaveProperty(name);
  });
});
