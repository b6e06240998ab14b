import { approval, formatPosition, mintId, type Position, registration } from '#contracts';
import { VAULT } from '#host';
import { LogSeed, startTestService, testIssuer, type TestIssuer, type TestService, quietLog } from '#testing';
import type { Vault } from '#vault';
import { until } from '../../../test/demo/checks.js';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { readBytes } from '../../../test/faults/raw-log.js';
import { auditPart } from './audit.part.js';

const applicationId = mintId(3);
const other = mintId(4);
const reviewed = {
  name: 'Lab viewer',
  kind: 'backend' as const,
  clientType: 'confidential-asymmetric' as const,
  scopes: ['system/Observation.rs', 'system/Patient.rs'],
  purposesOfUse: [{ code: 'TREAT', justification: 'shows results' }],
  redirectUris: [],
  allowedOrigins: [],
};
/** A page of records, as far as a test looks at them before it compares. */
async function pageIn(response: Response) {
  return (await response.json()) as {
    readonly items: { readonly id: string; readonly type: string }[];
    readonly next?: string;
  };
}

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();

describe('the audit', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;
  let seed: LogSeed;
  let developer: string;
  let reviewer: string;
  let seen: readonly Position[];

  const get = async (path: string, ...roles: string[]) => {
    const headers = {
      ...(await issuer.bearer('someone', ...(roles.length > 0 ? roles : ['auditor']))),
      'gatehouse-position': seen.map(formatPosition).join(','),
    };
    return await service.call(path, { headers });
  };
  const found = async (query: string) => {
    const response = await get(`/audit/records?${query}`);
    expect(response.status).toBe(200);
    return (await pageIn(response)).items;
  };

  beforeAll(async () => {
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    const environment = { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix };
    service = await startTestService(auditPart, { databaseUrl: own.databaseUrl, issuer, environment });
    seed = new LogSeed(quietLog(own, 'seed'));
    const vault = service.app.get<Vault>(VAULT);
    developer = await vault.subjectId(issuer.issuer, 'dev', { name: 'Dana Developer' });
    reviewer = await vault.subjectId(issuer.issuer, 'rev', { name: 'Rita Reviewer' });
    seen = await seedTheLog();
  }, 60_000);

  afterAll(async () => {
    await seed.close();
    await service.close();
    await Promise.all([own.dispose(), issuer.close()]);
  }, 30_000);

  /** A life: registered, approved narrower than asked, a token, a read let in and one refused, suspended. */
  async function seedTheLog(): Promise<readonly Position[]> {
    const by = (actor: string, minute: number, subject = applicationId) => ({ subject, actor, time: at(minute) });
    const declaration = {
      clientId: 'client-1',
      ownerId: developer,
      reviewed,
      other: { description: '', attestations: [], documents: [] },
      keys: [],
    };
    await seed.event(registration, { type: 'application-registered', data: declaration }, by(developer, 0));
    await seed.event(
      registration,
      { type: 'application-submitted', data: { submission: 1, ownerId: developer, reviewed } },
      by(developer, 1),
    );
    const approved = await seed.event(
      approval,
      {
        type: 'review-approved',
        data: {
          reviewId: mintId(3),
          submission: 1,
          approvalVersion: 1,
          reviewerIds: [reviewer],
          scopes: ['system/Observation.rs'],
          expiresAt: '2027-01-01T00:00:00Z',
          conditions: [],
          endpoints: ['*'],
          reason: 'results are enough',
        },
      },
      by(reviewer, 2),
    );
    const run = { run: 'run-1' };
    await seed.activity(
      {
        type: 'token-issued',
        data: {
          clientId: 'client-1',
          tokenId: 'token-1',
          grantType: 'client_credentials',
          scopes: ['system/Observation.rs'],
          audience: 'fhir',
          endpoint: 'default',
          expiresAt: at(60),
          approvalVersion: 1,
          epoch: 0,
        },
      },
      { ...by('client:client-1', 3), ...run, sequence: 0 },
    );
    const call = {
      clientId: 'client-1',
      tokenId: 'token-1',
      endpoint: 'default',
      enforcementPoint: 'gateway-1',
      method: 'GET',
      interaction: 'read',
      approvalVersion: 1,
    };
    const allowed = {
      type: 'access-allowed' as const,
      data: {
        ...call,
        callId: 'call-1',
        resourceType: 'Observation',
        resourceId: 'o1',
        scope: 'system/Observation.rs',
        reason: 'in scope',
        userAgent: 'curl\0/8',
      },
    };
    const repeated = { ...by('client:client-1', 4), id: 'record-1', ...run, sequence: 1 };
    await seed.activity(allowed, repeated);
    await seed.activity(allowed, repeated);
    await seed.activity(
      {
        type: 'access-completed',
        data: {
          callId: 'call-1',
          enforcementPoint: 'gateway-1',
          status: 200,
          bytes: 12,
          ending: 'sent',
          patients: ['patient-1'],
        },
      },
      { ...by('client:client-1', 4), ...run, sequence: 2 },
    );
    const denied = await seed.activity(
      {
        type: 'access-denied',
        data: { ...call, callId: 'call-2', resourceType: 'Patient', reason: 'no scope', status: 403 },
      },
      { ...by('client:client-1', 5), ...run, sequence: 3 },
    );
    const elsewhere = await seed.event(
      registration,
      { type: 'application-registered', data: { ...declaration, clientId: 'client-2' } },
      by(developer, 6, other),
    );
    const suspended = await seed.event(
      registration,
      { type: 'application-suspended', data: { reason: 'leak', epoch: 1 } },
      by(reviewer, 7),
    );
    return [approved, denied, elsewhere, suspended];
  }

  describe('search', () => {
    it('finds what an application did, newest first, each record once', async () => {
      const items = await found(`applicationId=${applicationId}`);
      expect(items.map(({ type }) => type)).toEqual([
        'application-suspended',
        'access-denied',
        expect.stringMatching(/access-(allowed|completed)/),
        expect.stringMatching(/access-(allowed|completed)/),
        'token-issued',
        'review-approved',
        'application-submitted',
        'application-registered',
      ]);
    });

    it('shows where the log keeps a record, and what was replaced to store it', async () => {
      const response = await get('/audit/records/record-1');
      expect(await response.json()).toMatchObject({
        id: 'record-1',
        time: at(4),
        type: 'access-allowed',
        outcome: 'allowed',
        applicationId,
        clientId: 'client-1',
        interaction: 'read',
        resource: 'Observation/o1',
        scope: 'system/Observation.rs',
        topic: 'gatehouse.activity',
        partition: 3,
        offset: '1',
        run: 'run-1',
        sequence: '1',
        userAgent: 'curl\ufffd/8',
      });
    });

    it.each([
      ['outcome=denied', ['access-denied']],
      ['resource=Observation', ['access-allowed']],
      ['resource=Observation/o1&outcome=allowed', ['access-allowed']],
      ['resource=Obs', []],
      ['patient=patient-1', ['access-completed']],
      ['scope=system/Patient.rs', ['application-registered', 'application-registered']],
      ['clientId=client-2', ['application-registered']],
      ['status=403&interaction=read', ['access-denied']],
      [`from=${at(2)}&to=${at(4)}`, ['token-issued', 'review-approved']],
      ['sequence=1&run=run-1', ['access-allowed']],
      ['id=record-1', ['access-allowed']],
      ['reason=leak', ['application-suspended']],
      [`userAgent=${encodeURIComponent('curl\ufffd/8')}`, ['access-allowed']],
      ['patients=patient-1', ['access-completed']],
      ['purposes=NONE', []],
    ])('by %s', async (query, types) => {
      const items = await found(query);
      expect(items.map(({ type }) => type)).toEqual(types);
    });

    it('knows the client of an event that does not name it', async () => {
      const [suspended] = await found('type=application-suspended');
      expect(suspended).toMatchObject({ clientId: 'client-1', actor: reviewer, reason: 'leak' });
    });

    it('pages without losing or repeating a record, even among records of the same time', async () => {
      const ids: string[] = [];
      let cursor = '';
      do {
        const response = await get(`/audit/records?limit=2${cursor}`);
        const page = await pageIn(response);
        ids.push(...page.items.map(({ id }) => id));
        cursor = page.next === undefined ? '' : `&cursor=${page.next}`;
      } while (cursor !== '');
      expect(ids).toHaveLength(9);
      expect(new Set(ids).size).toBe(9);
    });

    it('refuses filters that nobody knows and values that no record has', async () => {
      const forged = `cursor=${Buffer.from(JSON.stringify(['now', 'id'])).toString('base64url')}`;
      const statuses = await Promise.all(
        ['colour=red', 'from=yesterday', 'clientId=%00', 'cursor=x', forged, 'applicationId=1'].map(
          async (query) => (await get(`/audit/records?${query}`)).status,
        ),
      );
      expect(statuses).toEqual([400, 400, 400, 400, 400, 400]);
      expect((await get('/audit/records/nothing')).status).toBe(404);
    });

    it('is for auditors', async () => {
      expect((await get('/audit/records', 'developer', 'reviewer')).status).toBe(403);
      expect((await get('/audit/records', 'operator')).status).toBe(200);
      expect((await service.call('/audit/records')).status).toBe(401);
    });
  });

  describe('the timeline of an application', () => {
    it('answers the five questions on one page, with the names of people', async () => {
      const response = await get(`/audit/applications/${applicationId}/timeline`, 'reviewer');
      expect(response.status).toBe(200);
      const dana = { id: developer, name: 'Dana Developer' };
      const rita = { id: reviewer, name: 'Rita Reviewer' };
      expect(await response.json()).toMatchObject({
        application: { id: applicationId, clientId: 'client-1', name: 'Lab viewer', kind: 'backend', owner: dana },
        registered: { by: dana, at: at(0) },
        requested: { by: dana, at: at(1), scopes: reviewed.scopes, purposesOfUse: reviewed.purposesOfUse },
        approvals: [
          { type: 'review-approved', by: [rita], at: at(2), scopes: ['system/Observation.rs'], approvalVersion: 1 },
        ],
        tokens: {
          count: 1,
          first: at(3),
          last: at(3),
          items: [{ tokenId: 'token-1', scope: 'system/Observation.rs' }],
        },
        access: {
          allowed: 1,
          denied: 1,
          byInteraction: [
            { interaction: 'read', resourceType: 'Observation', allowed: 1, denied: 0 },
            { interaction: 'read', resourceType: 'Patient', allowed: 0, denied: 1 },
          ],
          items: [
            { outcome: 'denied', resource: 'Patient', status: 403 },
            { outcome: 'allowed', resource: 'Observation/o1', status: 200, ending: 'sent', patients: ['patient-1'] },
          ],
        },
        events: [
          { type: 'application-registered', by: dana },
          { type: 'application-submitted', by: dana },
          { type: 'review-approved', by: rita, reason: 'results are enough' },
          { type: 'application-suspended', by: rita, reason: 'leak' },
        ],
      });
    });

    it('is for auditors, reviewers and operators, of applications that exist', async () => {
      expect((await get(`/audit/applications/${applicationId}/timeline`, 'developer')).status).toBe(403);
      expect((await get(`/audit/applications/${mintId(1)}/timeline`)).status).toBe(404);
      expect((await get('/audit/applications/x/timeline')).status).toBe(404);
    });
  });

  describe('as FHIR AuditEvents', () => {
    interface Found {
      readonly total?: number;
      readonly link: readonly { readonly relation: string; readonly url: string }[];
      readonly entry: readonly { readonly resource: { readonly id: string; readonly outcome: string } }[];
    }
    const search = async (query: string) => {
      const response = await get(`/audit/fhir/AuditEvent?${query}`);
      expect([query, response.status, response.headers.get('content-type')]).toEqual([
        query,
        200,
        expect.stringMatching(/^application\/fhir\+json/),
      ]);
      return (await response.json()) as Found;
    };
    const idsOf = ({ entry }: Found) => entry.map(({ resource }) => resource.id);

    beforeAll(async () => {
      const numbered = { subject: other, actor: 'client:client-2', run: 'run-2' };
      await seed.activity(
        {
          type: 'access-allowed',
          data: {
            callId: 'call-3',
            clientId: 'client-2',
            userId: 'user-1',
            endpoint: 'default',
            enforcementPoint: 'gateway-1',
            method: 'GET',
            interaction: 'search-type',
            resourceType: 'Condition',
            reason: 'in scope',
            clientAddress: '203.0.113.7',
          },
        },
        { ...numbered, id: 'record-3', time: at(20), sequence: 0 },
      );
      const completed = await seed.activity(
        {
          type: 'access-completed',
          data: {
            callId: 'call-3',
            enforcementPoint: 'gateway-1',
            status: 200,
            bytes: 12,
            ending: 'sent',
            patients: ['patient-2', 'patient-3'],
          },
        },
        { ...numbered, time: at(20), sequence: 1 },
      );
      seen = [...seen, completed];
    });

    it('a call is one for each patient of what was returned, decision and result together', async () => {
      const found = await search('agent=client-2&subtype=search-type');
      expect(idsOf(found)).toEqual(['record-3', 'record-3.2']);
      const response = await get('/audit/fhir/AuditEvent/record-3.2');
      expect(await response.json()).toMatchObject({
        resourceType: 'AuditEvent',
        id: 'record-3.2',
        meta: { profile: [expect.stringContaining('IHE.BasicAudit.PatientQuery')] },
        recorded: at(20),
        outcome: '0',
        entity: expect.arrayContaining([expect.objectContaining({ what: { reference: 'Patient/patient-3' } })]),
      });
    });

    it.each([
      ['patient=Patient/patient-3', ['record-3.2']],
      ['patient=patient-1,patient-2', ['record-3', 'record-1']],
      ['agent=user-1&patient=patient-2', ['record-3']],
      ['entity=Observation/o1', ['record-1']],
      [`action=R&date=lt${at(5)}`, ['record-1']],
      ['_id=record-1', ['record-1']],
      ['_id=record-1.2', []],
    ])('by %s', async (query, ids) => {
      expect(idsOf(await search(query))).toEqual(ids);
    });

    it('by outcome, refusals are minor failures', async () => {
      const { entry } = await search('outcome=4');
      expect(entry).toMatchObject([
        { resource: { outcome: '4', outcomeDesc: 'no scope', subtype: [{ code: 'read' }] } },
      ]);
    });

    it('pages by links, without losing or repeating one of the same record', async () => {
      const ids: string[] = [];
      let url: string | undefined = '/audit/fhir/AuditEvent?_count=1';
      while (url !== undefined) {
        const page: Found = await search(new URL(url, service.url).search.slice(1));
        ids.push(...idsOf(page));
        url = page.link.find(({ relation }) => relation === 'next')?.url;
      }
      expect(ids.slice(0, 2)).toEqual(['record-3', 'record-3.2']);
      expect(new Set(ids).size).toBe(ids.length);
      // Nine records, one of them the result of a call, and two of the call above.
      expect(ids).toHaveLength(10);
    });

    it('errs as FHIR does, and is for auditors', async () => {
      const answers = await Promise.all([
        get('/audit/fhir/AuditEvent?colour=red'),
        get('/audit/fhir/AuditEvent?cursor=x'),
        get('/audit/fhir/AuditEvent/nothing'),
        get('/audit/fhir/AuditEvent', 'reviewer'),
        service.call('/audit/fhir/AuditEvent'),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([400, 400, 404, 403, 401]);
      for (const answer of answers) {
        expect(answer.headers.get('content-type')).toBe('application/fhir+json');
        expect(await answer.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ severity: 'error' }] });
      }
    });
  });

  describe('the log itself', () => {
    it('shows topics with their ends, and records as they stand, page by page', async () => {
      const { items } = (await (await get('/audit/topics')).json()) as {
        items: { topic: string; partitions: { partition: number; end: string }[] }[];
      };
      const activity = items.find(({ topic }) => topic === 'gatehouse.activity');
      expect(activity?.partitions[3]).toEqual({ partition: 3, start: '0', end: '5' });
      const path = '/audit/topics/gatehouse.activity/partitions/3/records';
      const page = (await (await get(`${path}?from=1&limit=1`)).json()) as { items: object[]; next: string };
      expect(page.items).toMatchObject([
        { topic: 'gatehouse.activity', partition: 3, offset: '1', key: applicationId, record: { id: 'record-1' } },
      ]);
      const next = (await (await get(`${path}?limit=1&cursor=${page.next}`)).json()) as { items: object[] };
      expect(next.items).toMatchObject([{ offset: '2', record: { id: 'record-1' } }]);
    });

    it('has no partition and no topic but those of the contracts, and is for auditors', async () => {
      const paths = ['gatehouse.activity/partitions/8', 'gatehouse.activity/partitions/x', 'secrets/partitions/0'];
      for (const path of paths) expect((await get(`/audit/topics/${path}/records`)).status).toBe(404);
      expect((await get('/audit/topics', 'reviewer')).status).toBe(403);
    });
  });

  it('feeds SIEMs with every record as an OCSF event, in order, a repeat under the id and number of the first', async () => {
    const topic = own.prefix + 'gatehouse.siem.ocsf';
    const about = async (type: string) => {
      const values = (await readBytes(own.brokers, topic)).map(
        ({ value }) => JSON.parse(String(value)) as { class_uid: number; metadata: Record<string, unknown> },
      );
      return values.filter(({ metadata }) => metadata['event_code'] === type);
    };
    const suspended = await until(
      'the last of it is fed',
      () => about('application-suspended'),
      (events) => events.length > 0,
    );
    expect(suspended).toMatchObject([{ class_uid: 3001, metadata: { sequence: 3 } }]);
    const allowed = (await about('access-allowed')).filter(({ metadata }) => metadata['uid'] === 'record-1');
    expect(allowed).toMatchObject([
      { class_uid: 6003, metadata: { sequence: 1, log_name: 'gatehouse.activity:3:1' } },
      { class_uid: 6003, metadata: { sequence: 1, log_name: 'gatehouse.activity:3:2' } },
    ]);
    expect(await about('token-issued')).toMatchObject([{ class_uid: 3002, metadata: { sequence: 0 } }]);
  });

  it('finds calls in observe mode by what enforcement would have made of them', async () => {
    const numbered = { subject: mintId(6), actor: 'client:client-3', run: 'run-3' };
    const of = { endpoint: 'default', enforcementPoint: 'gateway-1' };
    const said = { method: 'GET', reason: 'observed, not refused: no scope', observed: 'denied' as const };
    await seed.activity(
      { type: 'access-allowed', data: { ...of, ...said, callId: 'call-9' } },
      { ...numbered, id: 'record-9', time: at(30), sequence: 0 },
    );
    const ended = { callId: 'call-9', status: 200, bytes: 12, ending: 'sent' as const, patients: [] };
    const completed = await seed.activity(
      {
        type: 'access-completed',
        data: { ...ended, enforcementPoint: 'gateway-1', observed: { outcome: 'filtered', withheld: 2 } },
      },
      { ...numbered, time: at(30), sequence: 1 },
    );
    seen = [...seen, completed];
    expect(await found('observed=denied')).toMatchObject([{ id: 'record-9', outcome: 'allowed', observed: 'denied' }]);
    expect(await found('observed=filtered')).toMatchObject([
      { type: 'access-completed', detail: { observed: { withheld: 2 } } },
    ]);
    expect(await found('observed=denied&outcome=denied')).toEqual([]);
  });

  it('does not answer from before the position that its caller has seen', async () => {
    const [approved] = seen;
    seen = [{ ...approved!, offset: approved!.offset + 1n }];
    const response = await get('/audit/records');
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  });
});
