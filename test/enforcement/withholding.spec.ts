import type { WithholdingRule } from '#smart';
import type { StoredResource } from '#testing';
import type { SeenAnswer } from './gateway-in-process.js';
import { gatewayBefore, type GuardedGateway } from './guarded-gateway.js';
import { guardedServers } from './guarded-servers.js';
import type { ModelToken } from './model.js';

const backend: ModelToken = { scopes: [{ context: 'system', type: '*', letters: 'cruds', conditions: [] }] };
const rules: readonly WithholdingRule[] = [
  { name: 'opted out', patients: ['patient-02'] },
  {
    name: 'no surveys',
    types: ['Observation'],
    codes: ['http://terminology.hl7.org/CodeSystem/observation-category|survey'],
  },
];

interface Bundle {
  readonly total?: number;
  readonly entry?: readonly { readonly resource: StoredResource }[];
}

describe.each(guardedServers)('what is withheld before %s', (_name, listen) => {
  let before: GuardedGateway;
  beforeAll(async () => (before = await gatewayBefore(listen, rules)));
  afterAll(async () => await before.close());

  const get = async (target: string) => await before.gateway.call(backend, target);
  const idsIn = ({ text }: SeenAnswer) => ((JSON.parse(text) as Bundle).entry ?? []).map(({ resource }) => resource.id);

  test.each([
    ['the patient', '/Patient/patient-02', '/Patient/patient-none'],
    ['what is theirs', '/Observation/observation-02-laboratory', '/Observation/observation-none'],
    [
      'a version of it',
      '/Observation/observation-02-laboratory/_history/1',
      '/Observation/observation-none/_history/1',
    ],
    ['where it comes from', '/Provenance/provenance-02', '/Provenance/provenance-none'],
    ['what has the code', '/Observation/observation-01-survey', '/Observation/observation-none'],
    ['the whole record', '/Patient/patient-02/$everything', '/Patient/patient-none/$everything'],
  ])('%s is answered like what nobody has', async (_what, target, missing) => {
    const [withheld, none] = [await get(target), await get(missing)];
    expect([withheld.status, withheld.text]).toEqual([none.status, none.text]);
    expect(withheld.status).toBe(404);
  });

  test('it is found by no search, and counted by none', async () => {
    const all = await get('/Patient?_count=500');
    expect(idsIn(all)).not.toContain('patient-02');
    expect(idsIn(all)).toContain('patient-03');
    expect((JSON.parse(all.text) as Bundle).total).toBe(idsIn(all).length);
    const counted = JSON.parse((await get('/Observation?category=survey&_summary=count')).text) as Bundle;
    expect(counted.total).toBe(0);
  });

  test('it is included with nothing', async () => {
    const answer = await get(
      '/Observation?_id=observation-01-laboratory,observation-02-laboratory&_include=Observation:patient',
    );
    expect(idsIn(answer).sort()).toEqual(['observation-01-laboratory', 'patient-01']);
  });

  test('a record tells what is withheld of it', async () => {
    const ids = idsIn(await get('/Patient/patient-01/$everything'));
    expect(ids).toContain('observation-01-laboratory');
    expect(ids).not.toContain('observation-01-survey');
  });

  test('what contains it is withheld with it, and is not written', async () => {
    const survey = {
      resourceType: 'Observation',
      id: 'inner',
      status: 'final',
      category: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'survey' }] },
      ],
      code: { text: 'asked' },
    };
    const holding = (contained: object) => ({
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'measured' },
      subject: { reference: 'Patient/patient-01' },
      hasMember: [{ reference: '#inner' }],
      contained: [contained],
    });
    const headers = { 'content-type': 'application/fhir+json' };
    const write = (body: object) => ({ method: 'POST', headers, body: JSON.stringify(body) });
    expect((await before.gateway.call(backend, '/Observation', write(holding(survey)))).status).toBe(403);
    const there = await fetch(`${before.guarded.base}/Observation`, write(holding(survey)));
    const { id } = (await there.json()) as StoredResource;
    const [withheld, none] = [await get(`/Observation/${id}`), await get('/Observation/observation-none')];
    expect([withheld.status, withheld.text]).toEqual([404, none.text]);
    expect(idsIn(await get(`/Observation?_id=${id}`))).toEqual([]);
    const { category: _, ...other } = survey;
    expect((await before.gateway.call(backend, '/Observation', write(holding(other)))).status).toBe(201);
  });
});
