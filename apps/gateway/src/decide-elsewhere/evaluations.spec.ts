import type { EffectiveAccess } from '#access';
import type { ActivityRecord, CallLimits } from '#contracts';
import { parseScopes } from '#smart';
import { openAccess } from '#testing';
import { Admissions } from '../admit-patients/admissions.js';
import { CallLimiter } from '../limit-calls/call-limits.js';
import { CallRecords } from '../proxy/call-records.js';
import { ConfiguredRights } from '../user-rights/configured-rights.js';
import { WithheldFrom } from '../user-rights/withheld.js';
import { Decisions } from './decisions.js';
import { EvaluationsController } from './evaluations.controller.js';

const parsed = parseScopes(['system/Observation.rs']);
const claims = {
  endpoint: 'default',
  tokenId: 't1',
  epoch: 0,
  applicationId: 'a1',
  clientId: 'client-1',
  approvalVersion: 1,
  scopes: parsed.ok ? parsed.scopes : [],
  expiresAtMs: 0,
  subject: 'client-1',
};
const open = openAccess();

/** Asks while `meanwhile` runs before each record is acknowledged, with how many were before. */
async function ask(
  meanwhile: (before: number, inForce: { access: EffectiveAccess; lease: boolean }) => void,
  limits: CallLimits = {},
) {
  const inForce = { access: { ...open, limits }, lease: true };
  const records: ActivityRecord[] = [];
  const append = async (record: ActivityRecord) => {
    await new Promise(setImmediate);
    meanwhile(records.push(record) - 1, inForce);
    return { id: 'r', position: { topic: 'gatehouse.activity', partition: 0, offset: 7n } };
  };
  const patients = { vaultIdOf: async (id: string) => id, onUnavailable: () => undefined };
  const means = {
    endpoint: { base: 'https://gatehouse.example.org/fhir' },
    tokens: { believe: async () => claims },
    possession: { check: async () => undefined, nonce: () => 'a-nonce' },
    rights: new ConfiguredRights(new Map()),
    admissions: new Admissions([]),
    withheld: new WithheldFrom([]),
    records: new CallRecords({ append }, 'gateway-1', 'default', patients),
    limiter: new CallLimiter(() => 0),
    limits: {},
  };
  const point = { holdsLease: () => inForce.lease, access: { byApplicationId: () => inForce.access } };
  const controller = new EvaluationsController(
    new Decisions({ point }),
    { of: () => means },
    { json: () => undefined },
  );
  const request = (id: string) => ({
    subject: { type: 'access-token', id: 'caller', properties: { token: 'abc' } },
    action: { name: 'GET' },
    resource: { type: 'fhir-request', id },
  });
  return {
    records,
    one: async () => await controller.evaluate(request('/Observation/o1')),
    several: async (...ids: readonly string[]) => {
      const answer = await controller.evaluateAll({ evaluations: ids.map(request) });
      return 'evaluations' in answer ? answer.evaluations : [];
    },
    withoutSeveral: async (evaluations?: readonly []) =>
      await controller.evaluateAll({ ...request('/Observation/o1'), ...(evaluations ? { evaluations } : {}) }),
  };
}

describe('what changes while an evaluation is recorded', () => {
  test('nothing: it is allowed', async () => {
    const { one, records } = await ask(() => undefined);
    expect(await one()).toMatchObject({ decision: true, context: { status: 200 } });
    expect(records).toMatchObject([{ type: 'access-allowed' }]);
  });

  test('access that is closed is not allowed', async () => {
    const { one } = await ask((_, inForce) => (inForce.access = { ...open, status: 'closed' }));
    expect(await one()).toMatchObject({ decision: false, context: { status: 401 } });
  });

  test('access that is narrowed, so that the answer would have to be looked at, is the gateway’s to enforce', async () => {
    const { one } = await ask(
      (_, inForce) => (inForce.access = { ...open, scopes: ['system/Observation.rs?category=laboratory'] }),
    );
    expect(await one()).toEqual({ decision: false, context: { reason: 'requires-gateway', status: 403 } });
  });

  test('an instance that lost its lease says nothing', async () => {
    const { one } = await ask((_, inForce) => (inForce.lease = false));
    await expect(one()).rejects.toMatchObject({ status: 503 });
  });

  test('access that is closed while a later one of several is recorded: none of them is allowed', async () => {
    const { several } = await ask((before, inForce) => {
      if (before === 2) inForce.access = { ...open, status: 'closed' };
    });
    const answers = await several('/Observation/o1', '/Observation/o2', '/Observation/o3');
    expect(answers.map(({ decision }) => decision)).toEqual([false, false, false]);
  });
});

test('several of which there are none are the one that the request says itself', async () => {
  const { withoutSeveral } = await ask(() => undefined);
  for (const none of [undefined, []] as const)
    expect(await withoutSeveral(none)).toMatchObject({ decision: true, context: { status: 200 } });
});

test('a call that is let in counts against its application’s limits; how many are under way is not known', async () => {
  const { several, records } = await ask(() => undefined, { callsPerMinute: 12, concurrentCalls: 1 });
  const answers = await several('/Observation/o1', '/Observation/o2', '/Observation/o3', '/Observation?_sort=nonsense');
  expect(answers.map(({ context }) => context)).toMatchObject([
    { status: 200 },
    { status: 200 },
    { status: 429, retryAfterSeconds: 5, reason: 'This application may make 12 calls a minute.' },
    { status: 429 },
  ]);
  expect(records.map(({ type }) => type)).toEqual([
    'access-allowed',
    'access-allowed',
    'access-denied',
    'access-denied',
  ]);
});
