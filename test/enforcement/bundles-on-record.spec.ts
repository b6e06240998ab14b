import type { EffectiveAccess } from '#access';
import { NoLongerAllowed } from '../../apps/gateway/src/ask-upstream/upstream-failed.js';
import { type UpstreamWritten, WriteUnknown } from '../../apps/gateway/src/ask-upstream/upstream-write.js';
import { fhirError } from '../../apps/gateway/src/proxy/operation-outcome.js';
import { entry, observation as about } from './bundle-trial.js';
import { GatewayInProcess } from './gateway-in-process.js';
import type { ModelToken } from './model.js';
import { serversInProcess, type UpstreamInProcess } from './sandbox-in-process.js';

const p1 = { reference: 'Patient/p1' };
const observation = (more: object = {}) => about('p1', more);
const there = { resourceType: 'Observation', id: 'o1', status: 'final', subject: p1 };
const own: ModelToken = {
  scopes: [{ context: 'patient', type: '*', letters: 'cruds', conditions: [] }],
  patient: 'p1',
  fhirUser: 'Patient/p1',
};
const closed = (access: EffectiveAccess): EffectiveAccess => ({ ...access, status: 'closed', why: 'revoked' });

/** A gateway before a server, and what happened in order: records by their types, and what was sent. */
class Case {
  readonly happened: string[] = [];
  /** What the server says of what is sent, once it is prepared; itself, if nothing. */
  says: (() => Promise<UpstreamWritten>) | undefined;
  /** Runs when something was sent, before it is answered. */
  meanwhile: () => void = () => undefined;
  readonly inFlight: number[] = [];
  #isReady = false;
  readonly gateway: GatewayInProcess;

  constructor(readonly server: UpstreamInProcess) {
    this.gateway = new GatewayInProcess({
      base: this.server.base,
      ask: async (target, by) => {
        if (!by.isAllowed()) throw new NoLongerAllowed();
        return await this.server.ask(target, by);
      },
      pass: async () => Promise.reject(new Error('nothing is passed here')),
      send: async (write, by, onHandedOver) => {
        if (!by.isAllowed()) throw new NoLongerAllowed();
        onHandedOver();
        if (!this.#isReady) return await this.server.send(write, by, onHandedOver);
        this.happened.push('sent');
        this.inFlight.push(this.gateway.inFlight.of('a1'));
        this.meanwhile();
        return await (this.says?.() ?? this.server.send(write, by, onHandedOver));
      },
    });
  }

  /** What the server keeps is found out; what happens from then on is noted. */
  async start(): Promise<void> {
    await this.gateway.start();
    const made = await this.server.holds([]);
    expect((await this.post('transaction', [entry('POST Observation', observation())])).status).toBe(200);
    expect(await made.holds()).toHaveLength(1);
    await this.server.holds([{ resourceType: 'Patient', id: 'p1' }, there]);
    this.gateway.records.length = 0;
    this.gateway.onRecord = ({ type }) => void this.happened.push(type);
    this.#isReady = true;
  }

  async post(type: string, entries: readonly object[]) {
    const answer = await this.gateway.call(own, '/', {
      method: 'POST',
      body: JSON.stringify({ resourceType: 'Bundle', type, entry: entries }),
      headers: { 'content-type': 'application/fhir+json' },
    });
    await this.gateway.idle();
    const { entry: answered = [] } = JSON.parse(answer.text) as {
      entry?: { resource?: object; response: { status: string; outcome?: object } }[];
    };
    return { ...answer, entries: answered, statuses: answered.map(({ response }) => response.status) };
  }

  /** Records of decisions: the Bundle's own, and those of its entries by their method and interaction. */
  decisions() {
    const of = this.gateway.records.flatMap((it) =>
      it.type === 'access-allowed' || it.type === 'access-denied' ? [{ type: it.type, ...it.data }] : [],
    );
    const [whole] = of.filter(({ partOf }) => partOf === undefined);
    return { whole, entries: of.filter(({ partOf }) => partOf !== undefined) };
  }

  completions() {
    return this.gateway.records.flatMap((it) => (it.type === 'access-completed' ? [it.data] : []));
  }
}

describe.each(serversInProcess(['Observation', 'Patient']))('before %s', (_name, server) => {
  let it: Case;
  beforeEach(async () => {
    it = new Case(server);
    await it.start();
  });
  afterEach(async () => await it.gateway.close());

  const update = (more: object = {}) =>
    entry('PUT Observation/o1', observation({ id: 'o1', status: 'amended', ...more }));
  const several = [entry('POST Observation', observation()), update(), entry('GET Patient/p1')];

  describe('a batch', () => {
    test('is on record, and each entry as the call that it would be, before and after', async () => {
      const { statuses, headers } = await it.post('batch', [
        ...several,
        entry('GET Observation/none'),
        entry('GET metadata'),
      ]);
      expect(statuses).toEqual(['201', '200', '200', '404', '403']);
      expect(headers['gatehouse-position']).toBe('gatehouse.activity:0:7');
      const { whole, entries } = it.decisions();
      expect(whole).toMatchObject({ type: 'access-allowed', method: 'POST', interaction: 'batch' });
      expect(entries).toMatchObject([
        {
          type: 'access-allowed',
          method: 'POST',
          interaction: 'create',
          resourceType: 'Observation',
          scope: 'patient/*.cruds',
          patients: ['vault-p1'],
        },
        {
          type: 'access-allowed',
          method: 'PUT',
          interaction: 'update',
          resourceId: 'o1',
          patients: ['vault-p1'],
        },
        { type: 'access-allowed', method: 'GET', interaction: 'read', resourceType: 'Patient' },
        { type: 'access-allowed', method: 'GET', interaction: 'read', resourceId: 'none' },
        { type: 'access-denied', method: 'GET', interaction: 'capabilities', status: 403 },
      ]);
      const ofEntry = (at: number) => it.completions().find(({ callId }) => callId === entries[at]?.callId);
      expect(ofEntry(0)).toMatchObject({
        status: 201,
        written: { outcome: 'changed', resourceType: 'Observation', versionId: '1' },
      });
      expect(ofEntry(1)).toMatchObject({
        status: 200,
        written: { outcome: 'changed', resourceId: 'o1', versionId: '2' },
      });
      expect(ofEntry(2)).toMatchObject({
        status: 200,
        ending: 'sent',
        patients: ['vault-p1'],
        bytes: expect.any(Number),
      });
      expect(ofEntry(3)).toMatchObject({ status: 404, ending: 'upstream-failed', bytes: 0 });
      expect(ofEntry(4)).toBeUndefined();
      expect(it.completions().find(({ callId }) => callId === whole?.callId)).toMatchObject({
        status: 200,
        ending: 'sent',
      });
      expect(it.happened.slice(0, 6)).toEqual([
        'access-allowed',
        'access-allowed',
        'sent',
        'access-completed',
        'access-allowed',
        'sent',
      ]);
    });

    test('what is no Bundle leaves one record', async () => {
      expect((await it.post('collection', several)).status).toBe(400);
      expect(it.gateway.records).toMatchObject([
        {
          type: 'access-denied',
          data: { interaction: 'batch-or-transaction', status: 400, reason: expect.stringContaining('neither') },
        },
      ]);
    });

    test('an entry that cannot be recorded is not carried out, nor any after it', async () => {
      let left = 4; // the Bundle, the first write before and after, the second
      it.gateway.onRecord = () => {
        if (--left < 1) throw new Error('not acknowledged');
      };
      const { status, statuses } = await it.post('batch', [...several, entry('DELETE Observation/o1')]);
      expect([status, statuses]).toEqual([200, ['201', '503', '503', '503']]);
      expect(it.happened).toEqual(['sent']);
    });

    test('a Bundle that cannot be recorded is not begun', async () => {
      it.gateway.onRecord = () => {
        throw new Error('not acknowledged');
      };
      expect((await it.post('batch', several)).status).toBe(503);
      expect(it.happened).toEqual([]);
    });

    test('access that is closed in its middle: nothing more is sent, nothing leaves, what was done is on record', async () => {
      it.meanwhile = () => (it.gateway.inForce = closed(it.gateway.inForce));
      const answer = await it.post('batch', [...several, entry('DELETE Observation/o1')]);
      expect([answer.status, answer.entries]).toEqual([401, []]);
      expect(it.happened.filter((each) => each === 'sent')).toHaveLength(1);
      expect(it.decisions().entries.map(({ type, status }) => [type, status])).toEqual([
        ['access-allowed', undefined],
        ['access-denied', 401],
        ['access-denied', 401],
        ['access-denied', 401],
      ]);
      expect(it.completions()).toMatchObject([
        { ending: 'withheld', bytes: 0, written: { outcome: 'changed' } },
        { status: 401, ending: 'withheld', bytes: 0 },
      ]);
    });

    test('an approval that is narrowed in its middle holds at once', async () => {
      it.meanwhile = () => (it.gateway.inForce = { ...it.gateway.inForce, scopes: ['patient/Observation.rs'] });
      const answer = await it.post('batch', [...several, entry('DELETE Observation/o1'), entry('GET Observation/o1')]);
      expect([answer.status, answer.entries]).toEqual([503, []]);
      expect(it.happened.filter((each) => each === 'sent')).toHaveLength(1);
      expect(it.decisions().entries.map(({ type }) => type)).toEqual([
        'access-allowed',
        'access-denied',
        'access-denied',
        'access-denied',
        'access-allowed',
      ]);
    });

    test('after its time no more of it is begun', async () => {
      it.gateway.bundles.timeMs = -1;
      expect((await it.post('batch', several)).statuses).toEqual(['504', '504', '504']);
      expect(it.happened).not.toContain('sent');
      expect(it.decisions().entries.map(({ type, status }) => [type, status])).toEqual(
        Array.from({ length: 3 }, () => ['access-denied', 504]),
      );
    });

    test('what there is no room for is not shown; what was written stays written', async () => {
      it.gateway.bundles.answerBytes = 10;
      const { statuses, entries } = await it.post('batch', several);
      expect(statuses).toEqual(['201', '200', '403']);
      expect(entries.map(({ resource }) => resource)).toEqual([undefined, undefined, undefined]);
      expect(entries[2]?.response.outcome).toMatchObject({ issue: [{ code: 'too-costly' }] });
    });
  });

  describe('a transaction', () => {
    test('is on record with every entry before it is sent, and with what became of it before it is answered', async () => {
      const { statuses } = await it.post('transaction', several);
      expect(statuses).toEqual(['201', '200', '200']);
      const { whole, entries } = it.decisions();
      expect(whole).toMatchObject({ type: 'access-allowed', interaction: 'transaction' });
      expect(entries.map(({ partOf }) => partOf)).toEqual(Array.from({ length: 3 }, () => whole?.callId));
      const patientsOf = new Map(entries.map(({ interaction, patients }) => [interaction, patients]));
      expect(Object.fromEntries(patientsOf)).toEqual({ create: ['vault-p1'], update: ['vault-p1'] });
      const sent = it.happened.indexOf('sent');
      expect(it.happened.slice(0, sent)).toEqual(Array.from({ length: 4 }, () => 'access-allowed'));
      expect(it.happened.slice(sent)).toEqual(['sent', ...Array.from({ length: 4 }, () => 'access-completed')]);
      expect(it.completions().slice(0, 2)).toMatchObject([
        { status: 201, written: { outcome: 'changed', versionId: '1' } },
        { status: 200, written: { outcome: 'changed', resourceId: 'o1', versionId: '2' } },
      ]);
      expect(it.inFlight).toEqual([2]);
      expect(it.gateway.inFlight.of('a1')).toBe(0);
    });

    test('that is refused leaves a record of each entry, with the one that was at fault', async () => {
      const { status } = await it.post('transaction', [...several, entry('POST Consent', { resourceType: 'Consent' })]);
      expect(status).toBe(403);
      const { whole, entries } = it.decisions();
      expect(whole).toMatchObject({ type: 'access-denied', interaction: 'transaction', status: 403 });
      const another = {
        type: 'access-denied',
        status: 403,
        reason: expect.stringMatching(/^another entry of its transaction is refused: not-enforced/),
      };
      expect(entries).toMatchObject([
        another,
        another,
        another,
        { type: 'access-denied', reason: expect.stringMatching(/^not-enforced: Consent/) },
      ]);
      expect(it.happened).not.toContain('sent');
      expect(it.completions()).toEqual([]);
    });

    test.each([1, 2, 4])(
      'of which record %s is not acknowledged: nothing is sent, and what is on record is ended',
      async (which) => {
        let at = 0;
        it.gateway.onRecord = () => {
          if (++at === which) throw new Error('not acknowledged');
        };
        expect((await it.post('transaction', several)).status).toBe(503);
        expect(it.happened).toEqual([]);
        const allowed = it.decisions().entries.map(({ callId }) => callId);
        expect(
          it
            .completions()
            .map(({ callId }) => callId)
            .filter((id) => allowed.includes(id)),
        ).toHaveLength(which === 1 ? 3 : 2);
      },
    );

    test('access that is closed while it is recorded: nothing is sent', async () => {
      it.gateway.onRecord = ({ type }) => {
        it.happened.push(type);
        it.gateway.inForce = closed(it.gateway.inForce);
      };
      expect((await it.post('transaction', several)).status).toBe(401);
      expect(it.happened).not.toContain('sent');
      expect(it.completions()).toMatchObject([
        { written: { outcome: 'unchanged' } },
        { written: { outcome: 'unchanged' } },
        { ending: 'withheld' },
        { ending: 'withheld' },
      ]);
    });

    test('access that is closed while the server carries it out: nothing leaves, and what became of it is on record', async () => {
      it.meanwhile = () => (it.gateway.inForce = closed(it.gateway.inForce));
      const answer = await it.post('transaction', several);
      expect([answer.status, answer.entries]).toEqual([401, []]);
      expect(it.completions().slice(0, 2)).toMatchObject([
        { ending: 'withheld', written: { outcome: 'changed' } },
        { ending: 'withheld', written: { outcome: 'changed' } },
      ]);
    });

    const failed = fhirError(504, 'timeout', 'x');
    const created = { resourceType: 'Observation', id: 'new-9', subject: p1 };
    const response = (...entries: object[]) => ({
      resourceType: 'Bundle',
      type: 'transaction-response',
      entry: entries,
    });
    test.each<[string, () => Promise<UpstreamWritten>, number, readonly string[]]>([
      ['is silent', async () => Promise.reject(new WriteUnknown(failed, {})), 504, ['unknown', 'unknown']],
      ['fails', async () => ({ status: 500 }), 502, ['unknown', 'unknown']],
      ['finds a version gone', async () => ({ status: 409 }), 409, ['unchanged', 'unchanged']],
      ['refuses the content', async () => ({ status: 422 }), 422, ['unchanged', 'unchanged']],
      ['says nothing of what it did', async () => ({ status: 200 }), 502, ['unknown', 'unknown']],
      [
        'answers as a batch',
        async () => ({ status: 200, resource: { ...response({}, {}), type: 'batch-response' } }),
        502,
        ['unknown', 'unknown'],
      ],
      [
        'answers too little',
        async () => ({ status: 200, resource: response({ response: { status: '201' } }) }),
        502,
        ['unknown', 'unknown'],
      ],
      [
        'says no status',
        async () => ({ status: 200, resource: response({ response: {} }, { response: {} }) }),
        502,
        ['unknown', 'unknown'],
      ],
      [
        'did a part',
        async () => ({
          status: 200,
          resource: response(
            { resource: created, response: { status: '201 Created' } },
            { response: { status: '409' } },
          ),
        }),
        502,
        ['changed', 'unchanged'],
      ],
    ])('that the server %s', async (_what, says, status, outcomes) => {
      it.says = says;
      const answer = await it.post('transaction', several);
      expect([answer.status, answer.entries]).toEqual([status, []]);
      expect(it.completions().flatMap(({ written }) => written?.outcome ?? [])).toEqual(outcomes);
      expect(it.completions().filter(({ written }) => !written)).toMatchObject([
        { status, bytes: 0, ending: 'withheld' },
        { status, bytes: 0, ending: 'withheld' },
      ]);
    });

    test('whose answer shows somebody else’s resource shows what was written instead', async () => {
      const foreign = { resourceType: 'Observation', id: 'theirs', subject: { reference: 'Patient/p2' } };
      it.says = async () => ({
        status: 200,
        resource: response(
          { resource: foreign, response: { status: '201', location: 'Observation/theirs' } },
          { resource: foreign, response: { status: '200' } },
        ),
      });
      const { entries, text } = await it.post('transaction', several);
      expect(entries[0]?.resource).toBeUndefined();
      expect(entries[1]?.resource).toMatchObject({ id: 'o1' });
      expect(text).not.toContain('p2');
    });

    test('after its time none is sent', async () => {
      it.gateway.bundles.timeMs = -1;
      expect((await it.post('transaction', several)).status).toBe(504);
      expect(it.happened).not.toContain('sent');
      expect(it.decisions().entries.map(({ type }) => type)).toEqual(Array.from({ length: 3 }, () => 'access-denied'));
    });
  });
});
