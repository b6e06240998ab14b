import type { StoredResource } from '#testing';
import { BASE, type SeenAnswer } from './gateway-in-process.js';
import { gatewayBefore, type GuardedGateway } from './guarded-gateway.js';
import { guardedServers } from './guarded-servers.js';
import type { ModelToken } from './model.js';

const own: ModelToken = {
  scopes: [{ context: 'patient', type: '*', letters: 'cruds', conditions: [] }],
  patient: 'patient-01',
  fhirUser: 'Patient/patient-01',
};
const backend: ModelToken = { scopes: [{ context: 'system', type: '*', letters: 'cruds', conditions: [] }] };
const ofTypes = (...types: string[]): ModelToken => ({
  ...own,
  scopes: types.map((type) => ({ context: 'patient', type, letters: 'rs', conditions: [] })),
});

interface Bundle {
  readonly total?: number;
  readonly entry?: readonly { readonly fullUrl: string; readonly resource: StoredResource }[];
  readonly link: readonly { readonly relation: string; readonly url: string }[];
}

describe.each(guardedServers)('$everything before %s', (_name, listen) => {
  let before: GuardedGateway;
  beforeAll(async () => (before = await gatewayBefore(listen)));
  afterAll(async () => await before.close());

  const get = async (target: string, token = own) => await before.gateway.call(token, target);
  const bundleOf = ({ text }: SeenAnswer) => JSON.parse(text) as Bundle;
  const keysIn = (answer: SeenAnswer) =>
    (bundleOf(answer).entry ?? []).map(({ resource }) => `${resource.resourceType}/${resource.id}`);
  const someoneElses = /(patient|observation|encounter|condition|device|provenance|document)-(0[2-9]|1\d)/;

  test.each([
    ['the patient', own],
    ['a backend that may see everybody', backend],
  ])('gives one patient’s record to %s, and nothing of anybody else’s', async (_who, token) => {
    const answer = await get('/Patient/patient-01/$everything', token);
    expect(answer.status).toBe(200);
    expect(answer.text).not.toMatch(someoneElses);
    expect(answer.text).not.toContain(before.guarded.base);
    const keys = keysIn(answer);
    // HAPI, for one, leaves out what only names the patient's resources.
    const named = before.guarded.isForeign === true ? [] : ['Provenance/provenance-01'];
    expect(keys).toEqual(expect.arrayContaining(['Patient/patient-01', ...named]));
    expect(new Set(keys).size).toBe(keys.length);
    expect(bundleOf(answer).total).toBe(keys.length);
  });

  test('gives what is granted of it', async () => {
    const keys = keysIn(await get('/Patient/patient-01/$everything', ofTypes('Patient', 'Condition')));
    expect(new Set(keys.map((key) => key.split('/')[0]))).toEqual(new Set(['Patient', 'Condition']));
  });

  test('_type narrows it, whatever the server makes of it', async () => {
    const keys = keysIn(await get('/Patient/patient-01/$everything?_type=Condition'));
    expect(new Set(keys.map((key) => key.split('/')[0]))).toEqual(new Set(['Condition']));
  });

  test('pages are full, sealed, and together all of it', async () => {
    const all = keysIn(await get('/Patient/patient-01/$everything'));
    const paged: string[] = [];
    let at: string | undefined = '/Patient/patient-01/$everything?_count=4';
    while (at !== undefined) {
      const answer = await get(at);
      if (answer.status !== 200) throw new Error(answer.text);
      const keys = keysIn(answer);
      const next: string | undefined = bundleOf(answer).link.find(({ relation }) => relation === 'next')?.url;
      if (next !== undefined) {
        expect(keys).toHaveLength(4);
        expect(next).toMatch(
          /^https:\/\/gatehouse\.example\.org\/fhir\/Patient\/patient-01\/\$everything\?_page=[\w-]+$/,
        );
      }
      paged.push(...keys);
      at = next?.slice(BASE.length);
    }
    expect(new Set(paged)).toEqual(new Set(all));
  });

  test('another patient’s is answered like nobody’s', async () => {
    const [hidden, missing] = [
      await get('/Patient/patient-02/$everything'),
      await get('/Patient/patient-none/$everything'),
    ];
    expect([hidden.status, hidden.text]).toEqual([missing.status, missing.text]);
    expect(hidden.status).toBe(404);
  });

  test.each([
    ['without a scope for the patient', '/Patient/patient-01/$everything', ofTypes('Condition')],
    ['of everybody', '/Patient/$everything', own],
    ['of everybody, by a backend', '/Patient/$everything', backend],
    ['of an encounter', '/Encounter/encounter-01/$everything', backend],
    ['with a page id of the server', '/Patient/patient-01/$everything?_getpages=everything', own],
    ['with another patient beside', '/Patient/patient-01/$everything?patient=patient-02', own],
  ])('is refused %s, with an OperationOutcome', async (_why, target, token) => {
    const answer = await get(target, token);
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.text)).toMatchObject({ resourceType: 'OperationOutcome' });
  });

  test.each([
    '/$graphql?query={PatientList{id}}',
    '/Patient/patient-01/$graphql',
    '/Patient/$diff',
    '/Patient/patient-01/$meta',
  ])('every other operation is refused: %s', async (target) => {
    const answer = await get(target, backend);
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.text)).toMatchObject({ resourceType: 'OperationOutcome' });
  });
});
