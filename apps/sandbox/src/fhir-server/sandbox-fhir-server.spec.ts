import type { Bundle, CapabilityStatement, Resource } from '@medplum/fhirtypes';
import { SandboxFhirServer, type SandboxRequest } from './sandbox-fhir-server.js';

const base = 'http://127.0.0.1:8080/sandbox/fhir';

describe('the sandbox’s FHIR server', () => {
  let server: SandboxFhirServer;
  beforeAll(async () => {
    server = await SandboxFhirServer.start(base);
  });

  const send = async <T extends Resource>(method: string, target: string, more: Partial<SandboxRequest> = {}) => {
    const answer = await server.handle({ method, target, headers: {}, body: '', ...more });
    return { ...answer, resource: JSON.parse(answer.body.toString('utf8')) as T };
  };
  const found = async (target: string) => {
    const { resource } = await send<Bundle>('GET', target);
    return (resource.entry ?? []).map((it) => `${it.search?.mode} ${it.resource?.resourceType}/${it.resource?.id}`);
  };

  it('reads a resource', async () => {
    const { status, headers, resource } = await send('GET', '/Patient/patient-01');
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-type': 'application/fhir+json; charset=utf-8', etag: 'W/"1"' });
    expect(resource).toMatchObject({ resourceType: 'Patient', id: 'patient-01', name: [{ family: 'Brandt' }] });
  });

  it.each([
    ['/Patient?name=amelia', ['match Patient/patient-01']],
    ['/Patient?birthdate=gt2010-01-01&gender=male', ['match Patient/patient-05']],
    ['/Patient?_id=patient-02,patient-03', ['match Patient/patient-02', 'match Patient/patient-03']],
    ['/Observation?patient=patient-01&category=laboratory', ['match Observation/observation-01-laboratory']],
    ['/Observation?patient=Patient/patient-01&category=laboratory', ['match Observation/observation-01-laboratory']],
    [
      '/Observation?subject=Patient/patient-02&code=http://loinc.org|4548-4',
      ['match Observation/observation-02-laboratory'],
    ],
    ['/Condition?patient=patient-03&category=health-concern', ['match Condition/condition-03-health-concern']],
    ['/Observation?patient=patient-01&date=lt2020-01-01', []],
    ['/Observation?patient=nobody', []],
    [
      '/MedicationRequest?patient=patient-01&status=active&_include=MedicationRequest:medication',
      ['match MedicationRequest/medication-request-01-current', 'include Medication/medication-02'],
    ],
    [
      '/Observation?patient=patient-01&category=laboratory&_revinclude=Provenance:target&_include=Observation:patient',
      ['match Observation/observation-01-laboratory', 'include Patient/patient-01', 'include Provenance/provenance-01'],
    ],
  ])('searches %s', async (target, entries) => {
    expect(await found(target)).toEqual(entries);
  });

  it('gives a patient’s record, and nobody else’s, page by page', async () => {
    const keysAt = async (target: string) => {
      const { resource } = await send<Bundle>('GET', target);
      return {
        keys: (resource.entry ?? []).map((it) => `${it.resource?.resourceType}/${it.resource?.id}`),
        next: resource.link?.find(({ relation }) => relation === 'next')?.url.slice(base.length),
      };
    };
    const { keys } = await keysAt('/Patient/patient-01/$everything');
    expect(keys).toEqual(expect.arrayContaining(['Patient/patient-01', 'Provenance/provenance-01']));
    expect(keys.join()).not.toMatch(/(patient|observation|condition|encounter)-02/);
    const first = await keysAt('/Patient/patient-01/$everything?_count=5');
    expect(first.keys).toEqual(keys.slice(0, 5));
    expect((await keysAt(first.next ?? '')).keys).toEqual(keys.slice(5, 10));
    expect((await send('GET', '/Patient/nobody/$everything')).status).toBe(404);
  });

  it('searches by POST, with URL and form together', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { resource } = await send<Bundle>('POST', '/Observation/_search?patient=patient-01', {
      headers,
      body: 'category=survey',
    });
    expect(resource.entry?.map((it) => it.resource?.id)).toEqual(['observation-01-survey']);
  });

  it('pages with links', async () => {
    const first = (await send<Bundle>('GET', '/Patient?_count=5')).resource;
    expect(first.total).toBe(12);
    const pages = [first];
    for (let next = nextOf(first); next !== undefined; next = nextOf(pages.at(-1))) {
      pages.push((await send<Bundle>('GET', next.slice(base.length))).resource);
    }
    expect(pages.map((page) => page.entry?.length)).toEqual([5, 5, 2]);
    expect(new Set(pages.flatMap((page) => page.entry?.map((it) => it.fullUrl))).size).toBe(12);
  });
  const nextOf = (page?: Bundle) => page?.link?.find((it) => it.relation === 'next')?.url;

  it('creates, updates with a version, keeps the history, and deletes', async () => {
    const body = JSON.stringify({ resourceType: 'Patient', id: 'mine', meta: { versionId: '9' }, gender: 'female' });
    const created = await send('POST', '/Patient', { body });
    expect(created.status).toBe(201);
    const id = created.resource.id ?? '';
    expect(id).not.toBe('mine');
    expect(created.headers['location']).toBe(`${base}/Patient/${id}/_history/1`);

    const change = JSON.stringify({ ...created.resource, gender: 'other' });
    expect((await send('PUT', `/Patient/${id}`, { body: change, headers: { 'if-match': 'W/"7"' } })).status).toBe(412);
    expect((await send('PUT', `/Patient/${id}`, { body: change, headers: { 'if-none-match': '*' } })).status).toBe(412);
    const updated = await send('PUT', `/Patient/${id}`, { body: change, headers: { 'if-match': 'W/"1"' } });
    expect([updated.status, updated.headers['etag']]).toEqual([200, 'W/"2"']);

    for (let again = 0; again < 2; again += 1) {
      const { resource } = await send<Bundle>('GET', `/Patient/${id}/_history`);
      expect(resource.entry?.map((it) => it.resource?.meta?.versionId)).toEqual(['2', '1']);
    }
    expect((await send('GET', `/Patient/${id}/_history/1`)).resource).toMatchObject({ gender: 'female' });
    expect((await send('DELETE', `/Patient/${id}`)).status).toBe(200);
    expect((await send('GET', `/Patient/${id}`)).status).toBe(404);
  });

  it('carries a transaction out whole, or not at all when a version in it is stale', async () => {
    const created = await send('POST', '/Patient', { body: '{"resourceType":"Patient"}' });
    const id = created.resource.id ?? '';
    const urn = 'urn:uuid:0b9c2a4e-6b9b-4a32-9b1f-000000000001';
    const transaction = (ifMatch: string) =>
      JSON.stringify({
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          {
            fullUrl: urn,
            resource: { resourceType: 'Organization' },
            request: { method: 'POST', url: 'Organization' },
          },
          {
            resource: { resourceType: 'Location', managingOrganization: { reference: urn } },
            request: { method: 'POST', url: 'Location' },
          },
          { request: { method: 'DELETE', url: `Patient/${id}`, ifMatch } },
        ],
      });
    const before = await found('/Location');
    expect((await send('POST', '', { body: transaction('W/"9"') })).status).toBe(412);
    expect([await found('/Location'), (await send('GET', `/Patient/${id}`)).status]).toEqual([before, 200]);
    const { status, resource } = await send<Bundle>('POST', '', { body: transaction('W/"1"') });
    expect([status, resource.type]).toEqual([200, 'transaction-response']);
    const [organization, location] = (resource.entry ?? []).map((it) => it.resource);
    expect(location).toMatchObject({ managingOrganization: { reference: `Organization/${organization?.id}` } });
    expect((await send('GET', `/Patient/${id}`)).status).toBe(404);
  });

  it('says what it can do', async () => {
    const { status, resource } = await send<CapabilityStatement>('GET', '/metadata');
    expect(status).toBe(200);
    expect(resource).toMatchObject({
      resourceType: 'CapabilityStatement',
      fhirVersion: '4.0.1',
      implementation: { url: base },
    });
    const observation = resource.rest?.[0]?.resource?.find((it) => it.type === 'Observation');
    expect(observation?.searchParam?.map((it) => it.name)).toContain('category');
  });

  it('gives a file as it is to a caller that wants no FHIR', async () => {
    const answer = await server.handle({
      method: 'GET',
      target: '/Binary/binary-01',
      headers: { accept: 'text/plain' },
      body: '',
    });
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.body.toString('utf8')).toContain('Visit of Amelia Brandt');
  });

  it.each([
    ['GET', '/Patient/nobody', '', 404],
    ['GET', '/Cat', '', 404],
    ['GET', '/$graphql', '', 404],
    ['POST', '/Patient', '{', 400],
    ['POST', '/Patient', 'null', 400],
    ['POST', '/Patient', '{"resourceType":"Observation"}', 400],
    ['BREW', '/Patient', '', 405],
  ])('%s %s with %j is an outcome, %s', async (method, target, body, status) => {
    const answer = await send(method, target, { body });
    expect(answer.status).toBe(status);
    expect(answer.resource.resourceType).toBe('OperationOutcome');
  });
});
