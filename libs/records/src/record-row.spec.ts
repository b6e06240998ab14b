import { type AccessDecisionRecord, mintId } from '#contracts';
import { answeredRecord } from './answered-record.js';
import type { Audited } from './audited.js';
import { auditRowOf } from './record-row.js';

const applicationId = mintId(3);
const position = { topic: 'gatehouse.activity', partition: 3, offset: 9_007_199_254_740_993n };
const activityMeta = {
  id: 'a1',
  subject: applicationId,
  time: '2026-01-01T00:00:00.000Z',
  actor: 'client:c',
  correlationId: 'x',
  causationId: 'x',
  run: 'r',
  sequence: 7,
};
const decision: AccessDecisionRecord = {
  callId: 'call',
  clientId: 'c',
  endpoint: 'default',
  enforcementPoint: 'gateway-1',
  method: 'GET',
  interaction: 'read',
  resourceType: 'Observation',
  resourceId: 'o1',
  scope: 'system/Observation.r',
  reason: 'the scope allows it',
};

function allowed(data: Partial<AccessDecisionRecord> = {}, meta: Partial<typeof activityMeta> = {}): Audited {
  return { type: 'access-allowed', data: { ...decision, ...data }, meta: { ...activityMeta, ...meta } };
}

describe('an audit record', () => {
  it('of a call says who, what, under which scope, and where the log keeps it', () => {
    expect(auditRowOf(allowed(), position)).toMatchObject({
      type: 'access-allowed',
      outcome: 'allowed',
      application_id: applicationId,
      client_id: 'c',
      interaction: 'read',
      resource: 'Observation/o1',
      scope: 'system/Observation.r',
      log_topic: 'gatehouse.activity',
      log_partition: 3,
      log_offset: '9007199254740993',
      run: 'r',
      sequence: '7',
    });
  });

  it('of a call by nobody we know has no application', () => {
    expect(auditRowOf(allowed({}, { subject: 'unknown' }), position)).not.toHaveProperty('application_id');
  });

  it('of an event carries the version instead of a number, and no run', () => {
    const event: Audited = {
      type: 'application-suspended',
      data: { reason: 'leak', epoch: 2 },
      meta: { ...activityMeta, causationId: 'c', version: 4, commandOffset: 1n },
    };
    const { run: _run, sequence: _sequence, ...withoutRun } = activityMeta;
    const row = auditRowOf(
      { ...event, meta: { ...withoutRun, causationId: 'c', version: 4, commandOffset: 1n } },
      position,
    );
    expect(row).toMatchObject({ outcome: 'recorded', reason: 'leak', sequence: '4' });
    expect(row).not.toHaveProperty('run');
  });

  it('of a campaign is about no application, of its item about that one', () => {
    const meta = {
      id: 'e',
      subject: mintId(1),
      time: activityMeta.time,
      actor: 'rev',
      correlationId: 'x',
      causationId: 'c',
      version: 2,
      commandOffset: 1n,
    };
    const reminded: Audited = { type: 'campaign-reminded', data: { undecided: 1 }, meta };
    const decided: Audited = {
      type: 'item-decided',
      data: { itemId: mintId(1), applicationId, decision: 'keep', reason: 'in use', bySilence: false },
      meta,
    };
    expect(auditRowOf(reminded, position).application_id).toBeUndefined();
    expect(auditRowOf(decided, position)).toMatchObject({
      application_id: applicationId,
      outcome: 'keep',
      reason: 'in use',
    });
  });

  it('is answered under the names of the API, as Postgres gives it back', () => {
    const event = allowed({ userAgent: 'a\0b\ud800' }, { time: '2026-01-01T00:00:00Z' });
    const record = answeredRecord(auditRowOf(event, position));
    expect(record).toMatchObject({
      id: 'a1',
      time: '2026-01-01T00:00:00.000Z',
      applicationId,
      topic: 'gatehouse.activity',
      offset: '9007199254740993',
      userAgent: 'a\ufffdb\ufffd',
      detail: { userAgent: 'a\ufffdb\ufffd' },
    });
    expect(record).not.toHaveProperty('patient');
  });
});
