import type { AccessDecisionRecord } from '#contracts';
import type { ObserveRule } from '#fhir-endpoints';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { entry, patch } from './bundle-trial.js';
import { GatewayInProcess } from './gateway-in-process.js';
import { type Guarded, guardedServers, listenHostileWith, own, roomy } from './guarded-servers.js';
import type { ModelToken } from './model.js';

const rule: ObserveRule = { applications: new Set(['a1']), untilMs: Date.now() + 86_400_000 };
/** It may read and write observations, and no more. */
const backend: ModelToken = { scopes: [{ context: 'system', type: 'Observation', letters: 'cruds', conditions: [] }] };
const observationOf = (patient: string) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'observed' },
  subject: { reference: `Patient/${patient}` },
});
const seen = entry('GET Observation/observation-01-laboratory');
const unseen = entry('GET Patient/patient-01');

/** A gateway that observes, before a server. */
class Case {
  private constructor(
    readonly guarded: Guarded,
    readonly gateway: GatewayInProcess,
    private readonly upstream: Upstream,
  ) {}

  static async before(listen: () => Promise<Guarded>, limits = {}, updatesCreate = false): Promise<Case> {
    const guarded = await listen();
    const upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    const gateway = new GatewayInProcess(upstream, [], [rule], limits, [], undefined, undefined, updatesCreate);
    await gateway.start();
    return new Case(guarded, gateway, upstream);
  }

  /** Sends a Bundle, and gives what was recorded of it and of its entries. */
  async post(type: string, entries: readonly object[], token = backend) {
    this.gateway.records.length = 0;
    const { status, text } = await this.gateway.call(token, '/', {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ resourceType: 'Bundle', type, entry: entries }),
    });
    await this.gateway.idle();
    const { records } = this.gateway;
    const decided = records.flatMap((it) => (it.type === 'access-allowed' ? [it.data] : []));
    const completedOf = ({ callId }: Pick<AccessDecisionRecord, 'callId'>) =>
      records.flatMap((it) => (it.type === 'access-completed' && it.data.callId === callId ? [it.data] : [])).at(0);
    const [whole, ...others] = decided;
    const parts = others.map((it) => ({ ...it, completed: completedOf(it) }));
    return { status, text, whole: whole && { ...whole, completed: completedOf(whole) }, parts };
  }

  async close(): Promise<void> {
    await Promise.all([this.gateway.close(), this.upstream.close()]);
    await this.guarded.close();
  }
}

describe.each(guardedServers)('observed Bundles before %s', (_name, listen) => {
  let observed: Case;
  beforeAll(async () => (observed = await Case.before(listen)));
  afterAll(async () => await observed.close());

  test('each entry of a batch has records of its own: what would be decided, what became of it, of whom', async () => {
    const found = entry('GET Patient?_id=patient-02');
    const { status, whole, parts } = await observed.post('batch', [seen, unseen, found]);
    expect(status).toBe(200);
    expect(whole).toMatchObject({
      interaction: 'batch',
      observed: 'allowed',
      completed: { patients: [], observed: { outcome: 'filtered', withheld: 2 } },
    });
    const partOf = whole?.callId;
    expect(parts).toMatchObject([
      {
        partOf,
        observed: 'allowed',
        interaction: 'read',
        completed: { status: 200, patients: ['vault-patient-01'], observed: { outcome: 'allowed', withheld: 0 } },
      },
      {
        partOf,
        observed: 'denied',
        reason: expect.stringMatching(/^observed, not refused: not-granted/),
        completed: { status: 200, patients: ['vault-patient-01'], observed: { outcome: 'denied', withheld: 1 } },
      },
      {
        partOf,
        observed: 'denied',
        interaction: 'search-type',
        completed: { patients: ['vault-patient-02'], observed: { outcome: 'denied' } },
      },
    ]);
  });

  test('entries name whom that is about to which what left of them belongs', async () => {
    const asked = [entry('GET Provenance/provenance-02'), entry('GET Binary/binary-02')];
    const found = entry('GET Provenance?target=Observation/observation-02-laboratory');
    const { parts } = await observed.post('batch', [...asked, found]);
    const patients = ['vault-patient-02'];
    expect(parts.map((it) => it.completed?.patients)).toEqual([patients, patients, patients]);
    const writing = { ...own, scopes: [{ ...backend.scopes[0], type: '*' }] } as ModelToken;
    const target = [{ reference: 'Observation/observation-02-laboratory' }];
    const created = {
      resourceType: 'Provenance',
      recorded: '2026-01-01T00:00:00Z',
      target,
      agent: [{ who: target[0] }],
    };
    const { parts: written } = await observed.post('transaction', [entry('POST Provenance', created)], writing);
    expect(written).toMatchObject([{ patients, completed: { patients } }]);
  });

  test('an entry that writes is judged by what there is and will be, and says what was written', async () => {
    const mine = entry('POST Observation', observationOf('patient-01'));
    const { parts } = await observed.post(
      'batch',
      [
        mine,
        entry('POST Observation', observationOf('patient-02')),
        entry('DELETE Observation/observation-02-laboratory'),
      ],
      own,
    );
    // Which of them is recorded first is not said.
    const all = parts.map(({ method, observed: decided, patients = [], completed }) => ({
      method,
      decided,
      patients,
      of: completed?.patients,
      wouldBe: completed?.observed?.outcome,
      written: completed?.written,
    }));
    const written = { outcome: 'changed', resourceType: 'Observation' };
    const [first, second] = [['vault-patient-01'], ['vault-patient-02']];
    expect(all).toHaveLength(3);
    expect(all).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ method: 'POST', decided: 'allowed', patients: first, of: first, wouldBe: 'allowed' }),
        expect.objectContaining({ method: 'POST', decided: 'denied', of: second, wouldBe: 'denied' }),
        expect.objectContaining({
          method: 'DELETE',
          decided: 'denied',
          written: { ...written, resourceId: 'observation-02-laboratory' },
        }),
      ]),
    );
    expect(all.map((it) => it.written)).toMatchObject([written, written, written]);
  });

  test('of a transaction with an entry that is refused all are recorded as refused, though all was carried out', async () => {
    const created = entry('POST Observation', observationOf('patient-03'));
    const { status, whole, parts } = await observed.post('transaction', [created, unseen]);
    expect(status).toBe(200);
    expect(whole).toMatchObject({
      interaction: 'transaction',
      observed: 'denied',
      reason: expect.stringMatching(/^observed, not refused: entry 1: not-granted/),
      completed: { observed: { outcome: 'denied' } },
    });
    expect(parts).toMatchObject([
      {
        observed: 'denied',
        reason: expect.stringMatching(/another entry of its transaction is refused: not-granted/),
        completed: { written: { outcome: 'changed' } },
      },
      { observed: 'denied', reason: expect.stringMatching(/^observed, not refused: not-granted/) },
    ]);
  });

  test('a transaction is judged as a whole: two entries about one resource refuse it', async () => {
    const update = { ...observationOf('patient-01'), id: 'observation-01-laboratory' };
    const twice = entry('PUT Observation/observation-01-laboratory', update);
    const { whole, parts } = await observed.post('transaction', [twice, twice]);
    expect([whole?.observed, ...parts.map((it) => it.observed)]).toEqual(['denied', 'denied', 'denied']);
    expect(whole?.reason).toMatch(/another entry of the transaction is about the same resource/);
  });

  test('an entry whose server answers something else is not known to have done anything', async () => {
    const { whole, parts } = await observed.post('transaction', [
      entry('PUT Observation/none', { resourceType: 'Device' }),
    ]);
    expect(whole?.observed).toBe('denied');
    expect(parts).toMatchObject([{ completed: { written: { resourceType: 'Observation' } } }]);
  });
});

test('an entry of a batch is judged by what earlier ones would have made', async () => {
  const observed = await Case.before(async () => await listenHostileWith(() => undefined), {}, true);
  const made = { ...observationOf('patient-01'), id: 'made' };
  const amended = patch({ op: 'replace', path: '/status', value: 'amended' });
  const mine = 'Observation/observation-01-laboratory';
  const { status, parts } = await observed.post('batch', [
    entry('PATCH Observation/made', amended),
    entry('PUT Observation/made', made),
    entry('PATCH Observation/made', amended),
    entry('PUT Observation/made', { ...made, status: 'final' }),
    entry('DELETE Observation/made'),
    entry('DELETE Observation/made'),
    entry(`DELETE ${mine}`),
    entry(`PATCH ${mine}`, amended),
  ]);
  expect(status).toBe(200);
  const told = parts.map((it) => [it.method, it.resourceId, it.observed]);
  expect(told).toHaveLength(8);
  const inOrder = [...told].sort(([a = '', b = '', c = ''], [d = '', e = '', f = '']) =>
    `${b}${a}${c}`.localeCompare(`${e}${d}${f}`),
  );
  expect(inOrder).toEqual([
    ['DELETE', 'made', 'allowed'],
    ['DELETE', 'made', 'denied'],
    ['PATCH', 'made', 'allowed'],
    ['PATCH', 'made', 'denied'],
    ['PUT', 'made', 'allowed'],
    ['PUT', 'made', 'allowed'],
    ['DELETE', 'observation-01-laboratory', 'allowed'],
    ['PATCH', 'observation-01-laboratory', 'denied'],
  ]);
  await observed.close();
});

test('a transaction to a server that keeps none is recorded as refused, and goes on', async () => {
  const observed = await Case.before(
    async () => await listenHostileWith((server) => void (server.keepsVersions = false)),
  );
  const { status, whole, parts } = await observed.post('transaction', [
    entry('POST Observation', observationOf('patient-03')),
  ]);
  expect(status).toBe(200);
  expect(whole).toMatchObject({
    observed: 'denied',
    reason: expect.stringContaining('the upstream keeps no transactions'),
  });
  expect(parts).toMatchObject([{ observed: 'denied', completed: { written: { outcome: 'changed' } } }]);
  await observed.close();
});

test('entries are recorded before the Bundle goes on; one that cannot be is not sent', async () => {
  const observed = await Case.before(async () => await listenHostileWith(() => undefined));
  const { gateway, guarded } = observed;
  await observed.post('batch', [seen]);
  const before = guarded.hostile?.holds().length;
  gateway.onRecord = (record) => {
    if ('partOf' in record.data) throw new Error('the broker is away');
  };
  const { status } = await observed.post('batch', [entry('POST Observation', observationOf('patient-03'))]);
  expect([status, guarded.hostile?.holds().length]).toEqual([503, before]);
  await observed.close();
});

test('entries count for a day’s limit, which is recorded and held against nobody', async () => {
  const observed = await Case.before(async () => await listenHostileWith(() => undefined), { callsPerDay: 2 });
  const { status, whole, parts } = await observed.post('batch', [seen, seen, seen]);
  expect(status).toBe(200);
  expect([whole, ...parts].map((it) => it?.observed)).toEqual(Array(4).fill('denied'));
  expect(whole?.reason).toContain('limit: ');
  await observed.close();
});
