import { mintId } from '#contracts';
import type { Audited } from '#records';
import { keepRecords } from './keep-records.js';

it('stores whatever a client sent: text that Postgres refuses is replaced, nothing else is', async () => {
  const statements: { parameters: readonly unknown[] }[] = [];
  const event: Audited = {
    type: 'access-allowed',
    data: {
      callId: 'call',
      endpoint: 'default',
      enforcementPoint: 'gateway-1',
      method: 'GET',
      resourceType: 'Observation',
      resourceId: 'ö',
      reason: 'the scope allows it',
      userAgent: 'a\0b\ud800',
    },
    meta: {
      id: 'a1',
      subject: mintId(3),
      time: '2026-01-01T00:00:00.000Z',
      actor: 'client:c',
      correlationId: 'x',
      causationId: 'x',
      run: 'r',
      sequence: 7,
    },
  };
  const position = { topic: 'gatehouse.activity', partition: 3, offset: 7n };
  await keepRecords(
    [{ event, position }],
    async (_sql, parameters) => statements.push({ parameters }),
    () => Promise.reject(new Error('one record is not copied')),
  );
  expect(JSON.parse(String(statements[0]?.parameters[0]))).toMatchObject([
    { user_agent: 'a\ufffdb\ufffd', resource: 'Observation/ö', detail: { userAgent: 'a\ufffdb\ufffd' } },
  ]);
});
