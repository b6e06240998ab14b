import type { ActivityRecord } from '#contracts';
import { parseScopes } from '#smart';
import { Answering } from '../answer/answering.js';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import { type UpstreamWritten, WriteUnknown } from '../ask-upstream/upstream-write.js';
import { CallRecords, NotRecorded } from '../proxy/call-records.js';
import { fhirError } from '../proxy/operation-outcome.js';
import { InFlightWrites } from './in-flight-writes.js';
import { Writer } from './writer.js';

const base = 'http://upstream/fhir';
const ours = 'https://gatehouse.example.org/fhir';
const failed = fhirError(502, 'transient', 'x');

/** A write in surroundings that a test sets; what happens is noted in order. */
class Case {
  readonly happened: string[] = [];
  readonly records: ActivityRecord[] = [];
  readonly inFlight = new InFlightWrites();
  scopes = 'system/Observation.cruds';
  acknowledges = true;
  supports = { update: true, delete: true, updateCreates: true };
  before: object | undefined = {
    resourceType: 'Observation',
    id: 'o1',
    meta: { versionId: '3' },
    subject: { reference: 'Patient/p1' },
  };
  says: () => Promise<UpstreamWritten> = async () => ({ status: 200, etag: 'W/"4"' });
  allowed = true;
  sent: Parameters<Upstream['send']>[0] | undefined;

  async put(more: { readonly ifMatch?: string; readonly body?: object } = {}) {
    const parsed = parseScopes(this.scopes.split(' '));
    const granted = parsed.ok ? parsed.scopes : [];
    const records = new CallRecords(
      {
        append: async (record) => {
          if (!this.acknowledges) throw new Error('not acknowledged');
          // A broker takes a moment.
          await new Promise(setImmediate);
          this.happened.push(record.type);
          this.records.push(record);
          return { id: 'r', position: { topic: 'gatehouse.activity', partition: 0, offset: 7n } };
        },
      },
      'gateway-1',
      'default',
      { vaultIdOf: async (id) => `vault-${id}`, onUnavailable: () => undefined },
    );
    const send: Upstream['send'] = async (write, _by, onHandedOver) => {
      if (!this.allowed) throw new NoLongerAllowed();
      this.sent = write;
      this.happened.push('sent');
      onHandedOver();
      return await this.says();
    };
    const at = new Answering({ scopes: granted, reaches: everybody, bases: [base, ours] }, base, async () => {
      if (!this.before) throw new UpstreamFailed(fhirError(404, 'not-found', 'x'));
      return { resource: this.before, text: JSON.stringify(this.before) };
    });
    const writer = new Writer({
      records,
      upstream: { send },
      support: { of: async () => this.supports },
      inFlight: this.inFlight,
      bases: { upstream: base, ours },
      log: { error: () => this.happened.push('logged') },
    });
    const interaction = { kind: 'update', type: 'Observation', id: 'o1', params: [] } as const;
    const { answer } = await writer.carryOut({
      call: { callId: 'c', claims, interaction, method: 'PUT', correlationId: 'x' },
      decided: { outcome: 'allow', scopes: [], granted, whole: false },
      access: undefined,
      interaction,
      body: more.body ?? { resourceType: 'Observation', id: 'o1', subject: { reference: 'Patient/p2' } },
      ifMatch: more.ifMatch,
      preferred: 'minimal',
      at,
      by: {
        applicationId: 'a1',
        purposesOfUse: [],
        signal: new AbortController().signal,
        isAllowed: () => this.allowed,
        memory: { take: () => true, release: () => undefined },
      },
    });
    return answer;
  }
}

const claims = {
  tokenId: 't1',
  epoch: 0,
  applicationId: 'a1',
  clientId: 'client-1',
  approvalVersion: 1,
  scopes: [],
  expiresAtMs: 0,
  subject: 'client-1',
  endpoint: 'default',
};
const everybody = {
  system: { kind: 'everybody' },
  user: { kind: 'nobody', why: 'x' },
  patient: { kind: 'nobody', why: 'x' },
} as const;

test('it is recorded, then sent, then recorded again with what became of it and whom it was about', async () => {
  const it = new Case();
  expect(await it.put()).toMatchObject({ status: 200, etag: 'W/"4"' });
  expect(it.happened).toEqual(['access-allowed', 'sent', 'access-completed']);
  expect(it.records).toMatchObject([
    { data: { interaction: 'update', patients: ['vault-p1', 'vault-p2'] } },
    {
      data: {
        status: 200,
        patients: ['vault-p1', 'vault-p2'],
        written: { outcome: 'changed', resourceType: 'Observation', resourceId: 'o1', versionId: '4' },
      },
    },
  ]);
  expect(it.sent).toMatchObject({ method: 'PUT', target: '/Observation/o1', ifMatch: 'W/"3"' });
});

test('what cannot be recorded is not sent', async () => {
  const it = new Case();
  it.acknowledges = false;
  await expect(it.put()).rejects.toBeInstanceOf(NotRecorded);
  expect(it.happened).toEqual([]);
});

test('a result that cannot be recorded is told to the log, and its caller what became of it', async () => {
  const it = new Case();
  it.says = async () => {
    it.acknowledges = false;
    return { status: 200 };
  };
  expect(await it.put()).toMatchObject({ status: 200 });
  expect(it.happened).toEqual(['access-allowed', 'sent', 'logged']);
});

test('it counts as in flight from when it is handed over until the server has answered', async () => {
  const it = new Case();
  const seen: number[] = [];
  it.says = async () => {
    seen.push(it.inFlight.of('a1'));
    throw new WriteUnknown(failed, {});
  };
  await it.put();
  expect([...seen, it.inFlight.of('a1')]).toEqual([1, 0]);
});

test.each<[string, (it: Case) => void, number, string]>([
  [
    'the server is silent',
    (it) => (it.says = async () => Promise.reject(new WriteUnknown(failed, {}))),
    502,
    'unknown',
  ],
  ['the server fails', (it) => (it.says = async () => ({ status: 500 })), 502, 'unknown'],
  ['there is no slot', (it) => (it.says = async () => Promise.reject(new UpstreamFailed(failed))), 502, 'unchanged'],
  ['the version went on', (it) => (it.says = async () => ({ status: 409 })), 409, 'unchanged'],
  ['the server refuses the content', (it) => (it.says = async () => ({ status: 400 })), 422, 'unchanged'],
  ['it is gone', (it) => (it.says = async () => ({ status: 410 })), 404, 'unchanged'],
  ['the server sends elsewhere', (it) => (it.says = async () => ({ status: 307 })), 502, 'unknown'],
])('%s', async (_what, set, status, outcome) => {
  const it = new Case();
  set(it);
  expect(await it.put()).toMatchObject({ status });
  expect(it.records.at(-1)).toMatchObject({ type: 'access-completed', data: { status, written: { outcome } } });
});

test('access that was closed while it was recorded: nothing is sent', async () => {
  const it = new Case();
  const decided = it.put();
  it.allowed = false;
  expect(await decided).toMatchObject({ status: 503 });
  expect(it.happened).toEqual(['access-allowed', 'access-completed']);
  expect(it.records.at(-1)).toMatchObject({ data: { written: { outcome: 'unchanged' } } });
});

test.each<[string, (it: Case) => void, number]>([
  ['what is not there', (it) => (it.before = undefined), 404],
  ['what has no version', (it) => (it.before = { resourceType: 'Observation', id: 'o1' }), 502],
  ['another resource than was asked for', (it) => (it.before = { resourceType: 'Observation', id: 'o2' }), 502],
  [
    'a server that ignores If-Match',
    (it) => (it.supports = { update: false, delete: false, updateCreates: false }),
    403,
  ],
])('%s is not written, and the refusal is recorded', async (_what, set, status) => {
  const it = new Case();
  set(it);
  expect(await it.put()).toMatchObject({ status });
  expect(it.happened).toEqual(['access-denied']);
});

test('a stale If-Match is refused here, and one that went stale meanwhile is 412 as well', async () => {
  const it = new Case();
  expect(await it.put({ ifMatch: 'W/"2"' })).toMatchObject({ status: 412 });
  it.says = async () => ({ status: 409 });
  expect(await it.put({ ifMatch: '"3"' })).toMatchObject({ status: 412 });
  expect(it.happened).toEqual(['access-denied', 'access-allowed', 'sent', 'access-completed']);
});
