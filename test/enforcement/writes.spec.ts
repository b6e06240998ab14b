import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { BASE, GatewayInProcess, type SeenAnswer } from './gateway-in-process.js';
import { fhirPathPatch, xmlPatch } from './bundle-trial.js';
import { backend, data, deletingUnasked, type Guarded, guardedServers, own, roomy } from './guarded-servers.js';
import type { ModelScope, ModelToken } from './model.js';

const mine = 'Observation/observation-01-laboratory';
const theirs = 'Observation/observation-02-laboratory';
const json = 'application/fhir+json';
const jsonPatch = 'application/json-patch+json';
const to = (id: string) => ({ reference: `Patient/${id}` });
const observation = (patient: string, more: object = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  subject: to(patient),
  ...more,
});
const scoped = (letters: string, context: ModelScope['context'] = 'patient', type = 'Observation'): ModelToken => ({
  ...own,
  scopes: [{ context, type, letters, conditions: [] }],
});

describe.each(guardedServers)('before %s', (_name, listen) => {
  let guarded: Guarded;
  let upstream: Upstream;
  let gateway: GatewayInProcess;

  beforeEach(async () => {
    guarded = await listen();
    upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    gateway = new GatewayInProcess(upstream);
    await gateway.start();
  });
  afterEach(async () => {
    await Promise.all([gateway.close(), upstream.close()]);
    await guarded.close();
  });

  /** What the server itself says now. */
  const there = async (key: string): Promise<Record<string, unknown> | undefined> => {
    const response = await fetch(`${guarded.base}/${key}`);
    const body = (await response.json()) as Record<string, unknown>;
    return response.status === 200 ? body : undefined;
  };
  const versionOf = async (key: string) => Number(((await there(key))?.['meta'] as { versionId: string }).versionId);
  const send = async (
    method: string,
    target: string,
    body?: object | string,
    { token = own, ...headers }: { readonly token?: ModelToken } & Record<string, string | ModelToken> = {},
  ): Promise<SeenAnswer> =>
    await gateway.call(token, `/${target}`, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      headers: {
        'content-type': method === 'PATCH' ? jsonPatch : json,
        ...Object.fromEntries(
          Object.entries(headers).filter((it): it is [string, string] => typeof it[1] === 'string'),
        ),
      },
    });
  const found = async (query: string): Promise<readonly string[]> => {
    const { text } = await gateway.call(backend, `/${query}`);
    return ((JSON.parse(text) as { entry?: { resource: { id: string } }[] }).entry ?? []).map((it) => it.resource.id);
  };

  /** The status of a deletion: a server that deletes whatever version is named is sent none. */
  const ofDeletion = (status: number) => (guarded.deletesUnasked === true ? 403 : status);

  /** Nothing in it is another patient's, or the FHIR server's own. */
  function expectNothingForeign({ headers, text }: SeenAnswer): void {
    const all = JSON.stringify(headers) + text;
    for (const not of [
      /patient-(0[2-9]|1\d)/,
      /(observation|encounter)-(0[2-9]|1\d)/,
      /127\.0\.0\.1|HAPI[-:]|JSESSIONID/,
    ])
      expect(all).not.toMatch(not);
  }

  /** The write is refused with this status, and the resource stays as it is. */
  async function expectRefused(status: number, answer: Promise<SeenAnswer>, key = theirs): Promise<SeenAnswer> {
    const before = await there(key);
    const given = await answer;
    expect(given.status).toBe(status);
    expect(JSON.parse(given.text)).toMatchObject({ resourceType: 'OperationOutcome' });
    expectNothingForeign(given);
    expect(await there(key)).toEqual(before);
    return given;
  }

  describe('what may be written', () => {
    test.each([
      ['a patient', own],
      ['a backend', backend],
    ])('a Provenance: the record names whom that is about to which it belongs, written by %s', async (_whom, token) => {
      gateway.records.length = 0;
      const body = {
        resourceType: 'Provenance',
        recorded: '2026-01-01T00:00:00Z',
        target: [{ reference: mine }],
        agent: [{ who: { reference: 'Practitioner/practitioner-01' } }],
      };
      expect((await send('POST', 'Provenance', body, { token })).status).toBe(201);
      const patients = ['vault-patient-01'];
      expect(gateway.records).toMatchObject([
        { type: 'access-allowed', data: { patients } },
        { type: 'access-completed', data: { patients } },
      ]);
    });

    test('a creation: 201, Location and ETag of ours, the id given by the server', async () => {
      const answer = await send(
        'POST',
        'Observation',
        observation('patient-01', { id: 'mine', valueQuantity: { value: 1 } }),
      );
      expect(answer.status).toBe(201);
      const created = JSON.parse(answer.text) as { id: string };
      expect(created.id).not.toBe('mine');
      expect(answer.headers).toMatchObject({
        location: `${BASE}/Observation/${created.id}/_history/1`,
        etag: 'W/"1"',
        'cache-control': 'no-store',
        'gatehouse-position': 'gatehouse.activity:0:7',
      });
      expect(await there(`Observation/${created.id}`)).toMatchObject({ subject: to('patient-01') });
    });

    test('an update, a patch, a deletion of the own', async () => {
      const id = mine.split('/')[1];
      const version = await versionOf(mine);
      const updated = await send('PUT', mine, observation('patient-01', { id, status: 'amended' }));
      expect([updated.status, updated.headers['etag']]).toEqual([200, `W/"${version + 1}"`]);
      const patched = await send('PATCH', mine, [{ op: 'replace', path: '/status', value: 'corrected' }]);
      expect([patched.status, patched.headers['etag']]).toEqual([200, `W/"${version + 2}"`]);
      expect(await there(mine)).toMatchObject({ status: 'corrected', subject: to('patient-01') });
      const deleted = await send('DELETE', mine);
      expect(deleted.status).toBe(ofDeletion(204));
      if (guarded.deletesUnasked === true) return;
      expect(deleted.text).toBe('');
      expect(await there(mine)).toBeUndefined();
    });

    test('Prefer says what comes back', async () => {
      const body = observation('patient-01');
      const minimal = await send('POST', 'Observation', body, { prefer: 'return=minimal' });
      expect([minimal.status, minimal.text, minimal.headers['content-length']]).toEqual([201, '', '0']);
      const outcome = await send('POST', 'Observation', body, { prefer: 'respond-async; return=OperationOutcome' });
      expect(JSON.parse(outcome.text)).toMatchObject({
        resourceType: 'OperationOutcome',
        issue: [{ severity: 'information' }],
      });
      const whole = await send('POST', 'Observation', body, { prefer: 'return=representation' });
      expect(JSON.parse(whole.text)).toMatchObject(body);
    });

    test('If-Match of the version that is there; one of another version is 412, whatever the server would say', async () => {
      const version = await versionOf(mine);
      const [stale, current] = [{ 'if-match': `W/"${version}"` }, { 'if-match': `W/"${version + 1}"` }];
      const body = observation('patient-01', { id: mine.split('/')[1], status: 'amended' });
      expect((await send('PUT', mine, body, stale)).status).toBe(200);
      await expectRefused(412, send('PUT', mine, body, stale), mine);
      await expectRefused(ofDeletion(412), send('DELETE', mine, undefined, stale), mine);
      await expectRefused(412, send('PATCH', mine, [{ op: 'remove', path: '/code' }], stale), mine);
      expect((await send('DELETE', mine, undefined, current)).status).toBe(ofDeletion(204));
    });

    test('our URLs in what is written are the server’s own there, and references to what it holds are relative', async () => {
      const image = `${BASE}/Binary/binary-01`;
      const answer = await send('POST', 'Observation', {
        ...observation('patient-01', { subject: { reference: `${BASE}/Patient/patient-01` } }),
        note: [{ text: `see ${image}` }],
      });
      expect(answer.status).toBe(201);
      const { id } = JSON.parse(answer.text) as { id: string };
      // HAPI, for one, refuses a reference by its own URL.
      expect(await there(`Observation/${id}`)).toMatchObject({
        subject: to('patient-01'),
        note: [{ text: `see ${guarded.base}/Binary/binary-01` }],
      });
      expect(answer.text).toContain(image);
    });

    test('what a practitioner may write, and what a backend may', async () => {
      const practitioner = { ...scoped('cruds', 'user', '*'), fhirUser: 'Practitioner/practitioner-01' };
      expect((await send('POST', 'Observation', observation('patient-02'), { token: practitioner })).status).toBe(201);
      expect((await send('POST', 'Observation', observation('patient-02'), { token: backend })).status).toBe(201);
    });
  });

  describe('conditional writes mean one resource of the token’s own', () => {
    const identified = (patient: string, value: string, more: object = {}) =>
      observation(patient, { identifier: [{ system: 'urn:lab', value }], ...more });

    test('a creation that is there already is found, and one that only another patient has is made', async () => {
      const condition = { 'if-none-exist': 'identifier=urn:lab|7' };
      await send('POST', 'Observation', identified('patient-02', '7'), { token: backend });
      const made = await send('POST', 'Observation', identified('patient-01', '7'), condition);
      expect(made.status).toBe(201);
      const { id } = JSON.parse(made.text) as { id: string };
      const again = await send('POST', 'Observation', identified('patient-01', '7'), condition);
      expect([again.status, (JSON.parse(again.text) as { id: string }).id]).toEqual([200, id]);
      expect(again.headers['location']).toMatch(`${BASE}/Observation/${id}`);
    });

    test('If-None-Exist with return=representation gives nobody another patient’s resource', async () => {
      for (const condition of ['subject=Patient/patient-02', '_id=observation-02-laboratory', 'patient=patient-02']) {
        const answer = await send('POST', 'Observation', observation('patient-01'), {
          'if-none-exist': condition,
          prefer: 'return=representation',
        });
        expect(answer.status).toBe(201);
        expectNothingForeign(answer);
      }
    });

    test('PUT ?_id= of another patient’s resource rewrites nothing', async () => {
      const id = theirs.split('/')[1] ?? '';
      await expectRefused(404, send('PUT', `Observation?_id=${id}`, observation('patient-01', { id })));
      await expectRefused(404, send('PATCH', `Observation?_id=${id}`, [{ op: 'remove', path: '/code' }]));
      // Without an id of its own, and nothing of the own found, it is a creation.
      const made = await send('PUT', `Observation?_id=${id}`, observation('patient-01'));
      expect(made.status).toBe(201);
      expectNothingForeign(made);
      expect(await there(theirs)).toMatchObject({ subject: to('patient-02') });
    });

    test('an update, a patch and a deletion of the one that is meant', async () => {
      const made = await send('POST', 'Observation', identified('patient-01', '8'));
      const { id } = JSON.parse(made.text) as { id: string };
      const target = 'Observation?identifier=urn:lab|8';
      const updated = await send('PUT', target, identified('patient-01', '8', { status: 'amended' }));
      expect([updated.status, (JSON.parse(updated.text) as { id: string }).id]).toEqual([200, id]);
      expect((await send('PATCH', target, [{ op: 'add', path: '/note', value: [{ text: 'n' }] }])).status).toBe(200);
      expect(await there(`Observation/${id}`)).toMatchObject({ status: 'amended', note: [{ text: 'n' }] });
      expect((await send('DELETE', target)).status).toBe(ofDeletion(204));
      expect((await there(`Observation/${id}`)) === undefined).toBe(guarded.deletesUnasked !== true);
      expect((await send('DELETE', target)).status).toBe(ofDeletion(204));
    });

    test('several are 412, and a condition that the server drops is no licence', async () => {
      await expectRefused(ofDeletion(412), send('DELETE', 'Observation?status=final'), mine);
      // The server drops what it does not know, and finds everything: what is found is held against the condition.
      const before = await found('Observation?_count=500');
      expect((await send('DELETE', 'Observation?identifier=urn:lab|none')).status).toBe(ofDeletion(204));
      expect((await send('DELETE', 'Observation?derived-from=Observation/none')).status).toBe(ofDeletion(204));
      expect(await found('Observation?_count=500')).toEqual(before);
    });

    test('another patient’s is not deleted by any condition', async () => {
      for (const query of ['subject=Patient/patient-02', '_id=observation-02-laboratory', 'patient=patient-02'])
        expect((await send('DELETE', `Observation?${query}`)).status).toBe(ofDeletion(204));
      expect(await there(theirs)).toMatchObject({ subject: to('patient-02') });
    });

    test.each([
      ['DELETE', 'Observation'],
      ['DELETE', 'Observation?patient='],
      ['DELETE', 'Observation?date=ge1900'],
      ['DELETE', 'Observation?code:not=x'],
      ['DELETE', 'Observation?_has:Provenance:target:_id=x'],
      ['DELETE', 'Observation?subject.name=x'],
      ['DELETE', 'Observation?_filter=status+eq+final'],
    ])('a condition that cannot be checked is refused: %s %s', async (method, target) => {
      await expectRefused(403, send(method, target), mine);
    });
  });

  describe('attacks', () => {
    test('PUT and PATCH move no resource to another patient, nor another’s here', async () => {
      const own = { id: mine.split('/')[1] };
      await expectRefused(403, send('PUT', mine, observation('patient-02', own)), mine);
      await expectRefused(
        403,
        send('PATCH', mine, [{ op: 'replace', path: '/subject', value: to('patient-02') }]),
        mine,
      );
      await expectRefused(
        403,
        send('PATCH', mine, [{ op: 'replace', path: '/subject/reference', value: 'Patient/patient-02' }]),
        mine,
      );
      await expectRefused(404, send('PUT', theirs, observation('patient-01', { id: theirs.split('/')[1] })));
      await expectRefused(404, send('PATCH', theirs, [{ op: 'replace', path: '/subject', value: to('patient-01') }]));
    });

    test('an id that may not be seen answers as one that is not there, and nothing is created under it', async () => {
      for (const [method, body] of [
        ['PUT', (id: string) => observation('patient-01', { id })],
        ['PATCH', () => [{ op: 'replace', path: '/status', value: 'final' }]],
        ['DELETE', () => undefined],
      ] as const) {
        const status = method === 'DELETE' ? ofDeletion(404) : 404;
        const hidden = await expectRefused(status, send(method, theirs, body('observation-02-laboratory')));
        expect(await send(method, 'Observation/none', body('none'))).toEqual(hidden);
        expect(await there('Observation/none')).toBeUndefined();
      }
    });

    test('a deletion of another patient’s resource, and a version read after the deletion of the own', async () => {
      await expectRefused(ofDeletion(404), send('DELETE', theirs));
      if (guarded.deletesUnasked === true) return;
      expect((await send('DELETE', mine)).status).toBe(204);
      const unknown = await gateway.call(own, '/Observation/none');
      for (const target of [mine, `${mine}/_history/1`, `${mine}/_history`])
        expect(await gateway.call(own, `/${target}`)).toEqual(unknown);
      expect((await send('DELETE', mine)).status).toBe(404);
    });

    test('the body’s resourceType and id are those of the URL', async () => {
      const id = mine.split('/')[1];
      for (const body of [
        { resourceType: 'Patient', id: 'patient-02', active: false },
        { ...observation('patient-01', { id }), resourceType: 'Condition' },
        observation('patient-01', { id: 'observation-02-laboratory' }),
        observation('patient-01'),
      ])
        await expectRefused(400, send('PUT', mine, body), mine);
      await expectRefused(
        400,
        send('POST', 'Observation', { resourceType: 'Patient', id: 'patient-02' }),
        'Patient/patient-02',
      );
      await expectRefused(400, send('PATCH', mine, [{ op: 'replace', path: '/resourceType', value: 'Patient' }]), mine);
      await expectRefused(400, send('PATCH', mine, [{ op: 'replace', path: '/id', value: 'other' }]), mine);
    });

    test('a key that stands twice, what is not JSON, XML, and a reference by search', async () => {
      const twice = `{"resourceType":"Observation","status":"final","code":{},"subject":{"reference":"Patient/patient-01"},"subject":{"reference":"Patient/patient-02"}}`;
      for (const body of [
        twice,
        '{',
        '[]',
        'null',
        JSON.stringify(observation('patient-01', { subject: { reference: 'Patient?name=a' } })),
      ])
        await expectRefused(400, send('POST', 'Observation', body));
      await expectRefused(
        415,
        send('POST', 'Observation', '<Observation/>', { 'content-type': 'application/fhir+xml' }),
      );
      await expectRefused(415, send('POST', 'Observation', '{}', { 'content-type': 'text/plain' }));
      await expectRefused(415, send('POST', 'Observation', '{}', { 'content-encoding': 'gzip' }));
      await expectRefused(413, send('POST', 'Observation', ' '.repeat(100_001)));
    });

    test('a creation under the id of another patient’s resource makes a new one', async () => {
      const before = await there(theirs);
      const answer = await send('POST', 'Observation', observation('patient-01', { id: 'observation-02-laboratory' }));
      expect(answer.status).toBe(201);
      expect(await there(theirs)).toEqual(before);
    });

    test('about another patient, about several, about nobody', async () => {
      for (const body of [
        observation('patient-02'),
        observation('patient-01', { subject: undefined }),
        observation('patient-01', { subject: { identifier: { value: 'patient-01' } } }),
        observation('patient-01', {
          subject: { reference: '#p', type: 'Patient' },
          contained: [{ resourceType: 'Patient', id: 'p' }],
        }),
        observation('patient-01', { subject: { reference: 'http://other.example/fhir/Patient/patient-01' } }),
        observation('patient-02', { performer: [to('patient-01')] }),
      ])
        await expectRefused(403, send('POST', 'Observation', body));
      await expectRefused(
        403,
        send('POST', 'Account', { resourceType: 'Account', subject: [to('patient-01'), to('patient-02')] }),
      );
      await expectRefused(403, send('POST', 'Patient', { resourceType: 'Patient' }));
    });

    test('a provenance about somebody else’s resource', async () => {
      const about = (reference: string) => ({
        resourceType: 'Provenance',
        recorded: '2026-01-01T00:00:00Z',
        target: [{ reference }],
        agent: [],
      });
      await expectRefused(403, send('POST', 'Provenance', about(theirs)));
      await expectRefused(403, send('POST', 'Provenance', about('Observation/none')));
      expect((await send('POST', 'Provenance', about(mine))).status).toBe(201);
    });

    test.each([
      ['a FHIRPath Patch', 'application/fhir+json', JSON.stringify(fhirPathPatch)],
      ['a FHIRPath Patch as plain JSON', 'application/json', JSON.stringify(fhirPathPatch)],
      ['a FHIRPath Patch in XML', 'application/fhir+xml', '<Parameters xmlns="http://hl7.org/fhir"/>'],
      ['an XML Patch', 'application/xml-patch+xml', xmlPatch],
      ['a merge patch', 'application/merge-patch+json', '{"status":"amended"}'],
    ])('of patches JSON Patch alone is taken: %s is 415, by id and by a condition', async (_what, type, body) => {
      for (const target of [mine, `Observation?_id=${mine.split('/')[1]}`, theirs, 'Observation/none']) {
        const answer = await expectRefused(415, send('PATCH', target, body, { 'content-type': type }), mine);
        expect(JSON.parse(answer.text)).toMatchObject({
          issue: [
            { code: 'not-supported', diagnostics: expect.stringContaining('application/json-patch+json') as string },
          ],
        });
      }
      await gateway.idle();
      expect(gateway.records).toMatchObject(
        ['patch', 'conditional-patch', 'patch', 'patch'].map((interaction) => ({
          type: 'access-denied',
          data: { interaction, status: 415 },
        })),
      );
      expect(guarded.hostile?.requests.filter(({ method }) => method !== 'GET')).toEqual(guarded.hostile && []);
    });

    test('no representation goes back to a token that may not read', async () => {
      const made = await send('POST', 'Observation', observation('patient-01'), {
        token: scoped('cu'),
        prefer: 'return=representation',
      });
      expect([made.status, made.text]).toEqual([201, '']);
      // What a patch can be applied to tells what the resource holds.
      const patched = await send('PATCH', mine, [{ op: 'test', path: '/status', value: 'final' }], {
        token: scoped('cu'),
      });
      expect(patched.status).toBe(403);
      expect(patched.headers['www-authenticate']).toContain('scope="patient/Observation.r"');
    });

    test('what may be read and not changed is 403; what is shared by all patients is not a patient’s to change', async () => {
      const laboratory: ModelToken = {
        ...own,
        scopes: [
          { context: 'patient', type: 'Observation', letters: 'rs', conditions: [] },
          {
            context: 'patient',
            type: 'Observation',
            letters: 'ud',
            conditions: [{ name: 'category', value: 'vital-signs' }],
          },
        ],
      };
      await expectRefused(403, send('DELETE', mine, undefined, { token: laboratory }), mine);
      await expectRefused(403, send('DELETE', 'Practitioner/practitioner-01'), 'Practitioner/practitioner-01');
    });

    test.each([
      ['Consent', { resourceType: 'Consent', patient: to('patient-01') }],
      ['Group', { resourceType: 'Group', member: [{ entity: to('patient-01') }] }],
      ['AuditEvent', { resourceType: 'AuditEvent' }],
      ['StructureDefinition', { resourceType: 'StructureDefinition' }],
      ['ValueSet', { resourceType: 'ValueSet' }],
      ['Subscription', { resourceType: 'Subscription', criteria: 'Observation?' }],
      ['Binary', { resourceType: 'Binary', contentType: 'text/html', data: '' }],
    ])('rules, records and subscriptions are not written: %s', async (type, body) => {
      for (const token of [own, backend]) await expectRefused(403, send('POST', type, body, { token }));
    });

    test('a token that may only read writes nothing, and is told what would be needed', async () => {
      const answer = await expectRefused(
        403,
        send('POST', 'Observation', observation('patient-01'), { token: scoped('rs') }),
      );
      expect(answer.headers['www-authenticate']).toContain('scope="patient/Observation.c"');
      await expectRefused(403, send('DELETE', mine, undefined, { token: scoped('cru') }), mine);
    });
  });
});

test('a server that ignores If-Match of deletions alone gets no deletion, by itself or in a Bundle', async () => {
  const [, listen] = deletingUnasked;
  const guarded = await listen();
  const upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
  const gateway = new GatewayInProcess(upstream);
  await gateway.start();
  const send = async (method: string, target: string, body?: object) =>
    await gateway.call(own, target, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { 'content-type': json },
    });
  const updated = observation('patient-01', { id: mine.split('/')[1] });
  const bundle = (type: string) => ({
    resourceType: 'Bundle',
    type,
    entry: [
      { request: { method: 'PUT', url: mine }, resource: updated },
      { request: { method: 'DELETE', url: 'Condition/condition-01-health-concern' } },
    ],
  });
  expect((await send('PUT', `/${mine}`, updated)).status).toBe(200);
  expect(await send('DELETE', `/${mine}`)).toMatchObject({
    status: 403,
    text: expect.stringContaining('does not keep versions apart') as string,
  });
  const { entry } = JSON.parse((await send('POST', '', bundle('batch'))).text) as { entry: { response: object }[] };
  expect(entry).toMatchObject([{ response: { status: '200' } }, { response: { status: '403' } }]);
  const whole = await send('POST', '', bundle('transaction'));
  expect([whole.status, JSON.parse(whole.text)]).toMatchObject([403, { issue: [{ expression: ['Bundle.entry[1]'] }] }]);
  const left = guarded.hostile?.holds().find(({ id }) => id === mine.split('/')[1]);
  expect(left).toMatchObject({ meta: { versionId: '3' } });
  await Promise.all([gateway.close(), upstream.close()]);
  await guarded.close();
});

describe('a server that ignores If-Match', () => {
  test('gets no writes, and keeps nothing of the probe', async () => {
    const [, listen] = guardedServers[1] ?? [];
    const guarded = await listen?.();
    if (!guarded?.hostile) throw new Error('no hostile server');
    guarded.hostile.keepsVersions = false;
    const upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    const gateway = new GatewayInProcess(upstream);
    await gateway.start();
    const headers = { 'content-type': json };
    for (const [method, target] of [
      ['POST', '/Observation'],
      ['PUT', `/${mine}`],
      ['DELETE', `/${mine}`],
    ]) {
      const body = JSON.stringify(observation('patient-01', { id: mine.split('/')[1] }));
      const answer = await gateway.call(own, target ?? '', { method: method ?? '', body, headers });
      expect([method, answer.status]).toEqual([method, 403]);
      expect(answer.text).toContain('does not keep versions apart');
    }
    expect(
      guarded.hostile
        .holds()
        .map(({ resourceType, id }) => `${resourceType}/${id}`)
        .sort(),
    ).toEqual(data.map(({ resourceType, id }) => `${resourceType}/${id}`).sort());
    await Promise.all([gateway.close(), upstream.close()]);
    await guarded.close();
  });
});
