import {
  BASE,
  BundleTrial,
  entry,
  expectNothingForeign,
  fhirPathPatch,
  mine,
  observation,
  patch,
  theirs,
  to,
  xmlPatch,
} from './bundle-trial.js';
import { backend, bundleServers, own } from './guarded-servers.js';
import type { ModelScope, ModelToken } from './model.js';

const scoped = (letters: string, context: ModelScope['context'] = 'patient', type = 'Observation'): ModelToken => ({
  ...own,
  scopes: [{ context, type, letters, conditions: [] }],
});
const urn = 'urn:uuid:0b9c2a4e-6b9b-4a32-9b1f-000000000001';

describe.each(bundleServers)('batches before %s', (_name, listen) => {
  let trial: BundleTrial;
  beforeEach(async () => (trial = await BundleTrial.start(listen)));
  afterEach(async () => await trial.close());

  describe('each entry is the call that it would be by itself', () => {
    test('reads, searches, histories and the record of a patient, each equal to that call’s answer', async () => {
      const lines = [
        `GET ${mine}`,
        `GET ${mine}/_history/1`,
        `GET ${mine}/_history`,
        'GET Observation?patient=patient-01&category=laboratory',
        'GET Observation?_summary=count',
        'GET ?_type=Patient',
        'GET Practitioner/practitioner-01',
        `GET ${theirs}`,
        'GET Observation/none',
        'GET Observation?patient=',
        'GET Observation?_filter=status+eq+final',
        'GET Subscription/s1',
        'GET $graphql',
        'GET Patient/patient-01/$everything?_type=Patient',
      ];
      const answer = await trial.send(
        'batch',
        lines.map((line) => entry(line)),
      );
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.text)).toMatchObject({ resourceType: 'Bundle', type: 'batch-response' });
      expectNothingForeign(answer);
      for (const [at, line] of lines.entries()) {
        const alone = await trial.alone(own, line);
        const { resource, response } = answer.entries[at] ?? { response: { status: '' } };
        expect([line, response.status]).toEqual([line, String(alone.status)]);
        expect(resource ?? response.outcome).toEqual(JSON.parse(alone.text));
      }
    });

    test('what is created, updated, patched and deleted, with ids, versions and URLs of ours', async () => {
      const id = mine.split('/')[1];
      const answer = await trial.send('batch', [
        entry('POST Observation', observation('patient-01', { id: 'mine' }), {}, urn),
        entry(`PUT ${mine}`, observation('patient-01', { id, status: 'amended' }), { ifMatch: 'W/"1"' }),
        entry(`PATCH ${mine}`, patch({ op: 'replace', path: '/status', value: 'corrected' })),
        entry(`GET ${mine}`),
        entry(`DELETE ${mine}`),
        entry(`GET ${mine}`),
      ]);
      expect(trial.statuses(answer)).toEqual([
        '201',
        '200',
        '200',
        '200',
        trial.ofDeletion('204'),
        trial.deletes ? '404' : '200',
      ]);
      const [created, updated, patched, read] = answer.entries;
      const made = String(created?.resource?.['id']);
      expect(made).not.toBe('mine');
      expect(created).toMatchObject({
        fullUrl: `${BASE}/Observation/${made}`,
        response: { location: `${BASE}/Observation/${made}/_history/1`, etag: 'W/"1"' },
      });
      expect([updated?.response.etag, patched?.response.etag]).toEqual(['W/"2"', 'W/"3"']);
      expect(read?.resource).toMatchObject({ status: 'corrected' });
      expect(await trial.there(`Observation/${made}`)).toMatchObject({ subject: to('patient-01') });
      expect((await trial.there(mine)) === undefined).toBe(trial.deletes);
    });

    test('conditional forms', async () => {
      const identified = observation('patient-01', { identifier: [{ system: 'urn:lab', value: '7' }] });
      const condition = { ifNoneExist: 'identifier=urn:lab|7' };
      const answer = await trial.send('batch', [
        entry('POST Observation', identified, condition),
        entry('POST Observation', identified, condition),
        entry('PUT Observation?identifier=urn:lab|7', { ...identified, status: 'amended' }),
        entry('PATCH Observation?identifier=urn:lab|7', patch({ op: 'add', path: '/note', value: [{ text: 'n' }] })),
        entry('DELETE Observation?identifier=urn:lab|7'),
        entry('DELETE Observation?identifier=urn:lab|7'),
        entry('DELETE Observation?status=final'),
        entry('DELETE Observation?subject=Patient/patient-02'),
      ]);
      expect(trial.statuses(answer)).toEqual([
        '201',
        '200',
        '200',
        '200',
        ...['204', '204', '412', '204'].map((it) => trial.ofDeletion(it)),
      ]);
      expectNothingForeign(answer);
      expect(await trial.there(theirs)).toBeDefined();
    });

    test('preconditions of reads are kept here', async () => {
      const { versionId } = (await trial.there(mine))?.['meta'] as { readonly versionId: string };
      const answer = await trial.send('batch', [
        entry(`GET ${mine}`, undefined, { ifNoneMatch: `W/"${versionId}"` }),
        entry(`GET ${mine}`, undefined, { ifNoneMatch: `W/"${versionId}0"` }),
        entry(`GET ${theirs}`, undefined, { ifNoneMatch: 'W/"1"' }),
        entry(`GET ${mine}`, undefined, { ifModifiedSince: '2100-01-01T00:00:00Z' }),
        entry(`HEAD ${mine}`),
      ]);
      expect(trial.statuses(answer)).toEqual(['304', '200', '404', '304', '200']);
      expect(answer.entries.map(({ resource }) => resource !== undefined)).toEqual([false, true, false, false, false]);
    });

    test('Prefer says what comes back of each', async () => {
      const body = observation('patient-01');
      const minimal = await trial.send('batch', [entry('POST Observation', body)], own, { prefer: 'return=minimal' });
      expect(minimal.entries[0]?.resource).toBeUndefined();
      const outcome = await trial.send('batch', [entry('POST Observation', body)], own, {
        prefer: 'return=OperationOutcome',
      });
      expect(outcome.entries[0]).toMatchObject({ response: { status: '201', outcome: { issue: [{}] } } });
      const blind = await trial.send('batch', [entry('POST Observation', body)], scoped('c'));
      expect(blind.entries).toMatchObject([{ response: { status: '201' } }]);
      expect(blind.entries[0]?.resource).toBeUndefined();
    });

    test('links to further pages lead on, in a batch too, and only for their owner', async () => {
      const first = await trial.send('batch', [entry('GET Observation?_count=1')]);
      const links = (first.entries[0]?.resource?.['link'] ?? []) as { relation: string; url: string }[];
      const next = links.find(({ relation }) => relation === 'next')?.url.slice(BASE.length + 1);
      const second = await trial.send('batch', [entry(`GET ${next}`)]);
      expect(second.entries).toMatchObject([{ resource: { type: 'searchset', entry: [{}] } }]);
      expectNothingForeign(second);
      const stolen = await trial.send('batch', [entry(`GET ${next}`)], {
        ...own,
        patient: 'patient-02',
        fhirUser: 'Patient/patient-02',
      });
      expect(trial.statuses(stolen)).toEqual(['403']);
    });
  });

  describe('attacks', () => {
    test('what another patient’s is stays theirs, whatever stands beside it', async () => {
      const id = theirs.split('/')[1];
      const before = await trial.there(theirs);
      const answer = await trial.send('batch', [
        entry(`GET ${mine}`),
        entry(`PUT ${theirs}`, observation('patient-01', { id })),
        entry(`PATCH ${theirs}`, patch({ op: 'replace', path: '/subject', value: to('patient-01') })),
        entry(`DELETE ${theirs}`),
        entry(`PUT Observation?_id=${id}`, observation('patient-01', { id })),
        entry('POST Observation', observation('patient-02')),
        entry(`PUT ${mine}`, observation('patient-02', { id: mine.split('/')[1] })),
        entry('GET Observation?patient=patient-02'),
        entry('GET Patient/patient-02/$everything'),
      ]);
      expect(trial.statuses(answer)).toEqual([
        '200',
        '404',
        '404',
        trial.ofDeletion('404'),
        '404',
        '403',
        '403',
        '200',
        '404',
      ]);
      expect(answer.entries[7]?.resource).toMatchObject({ total: 0 });
      // The link to itself says what the caller asked.
      expectNothingForeign({ ...answer, text: answer.text.replace('?patient=patient-02', '') });
      expect(await trial.there(theirs)).toEqual(before);
    });

    test('an entry is told which scope would allow it, and the others go on', async () => {
      const answer = await trial.send(
        'batch',
        [entry('POST Observation', observation('patient-01')), entry(`GET ${mine}`)],
        scoped('rs'),
      );
      expect(trial.statuses(answer)).toEqual(['403', '200']);
      expect(answer.entries[0]?.response.outcome?.issue[0]?.diagnostics).toContain('patient/Observation.c');
    });

    test.each([
      ['a leading slash', `GET /${mine}`, 400],
      ['two', `GET //${mine}`, 400],
      ['an absolute URL', `GET https://gatehouse.example.org/fhir/${mine}`, 400],
      ['another scheme', 'GET file:///etc/passwd', 400],
      ['percent-encoding', 'GET %4Fbservation/observation-01-laboratory', 403],
      ['dots', `GET Patient/../${mine}`, 403],
      ['a slash at the end', `GET ${mine}/`, 403],
      ['a semicolon', `GET ${mine};x`, 403],
      ['a fragment', `GET ${mine}#x`, 403],
      ['the server’s own pages', 'GET ?_getpages=1&_getpagesoffset=0', 403],
      ['a page as a transaction', 'GET Observation?_bundletype=transaction', 403],
      ['the method in a parameter', 'GET Observation?_method=DELETE', 403],
      ['metadata', 'GET metadata', 403],
      ['everybody’s history', 'GET _history', 403],
      ['an export', 'GET $export', 403],
      ['a search by POST', 'POST Observation/_search', 400],
      ['an operation', 'POST Observation/$validate', 400],
      ['a method that is none', 'BREW Observation', 400],
      ['a method in small letters', `get ${mine}`, 400],
      ['TRACE', `TRACE ${mine}`, 400],
    ])('an entry URL is read like a request line: %s', async (_what, line, status) => {
      const answer = await trial.send('batch', [entry(line), entry(`GET ${mine}`)]);
      expect(trial.statuses(answer)).toEqual([String(status), '200']);
      expectNothingForeign(answer);
    });

    test('a Bundle in a Bundle, by its URL or as a resource', async () => {
      const inner = { resourceType: 'Bundle', type: 'batch', entry: [entry(`GET ${theirs}`)] };
      for (const token of [own, backend]) {
        const answer = await trial.send('batch', [entry('POST ', inner), entry('POST Bundle', inner)], token);
        expect(trial.statuses(answer)).toEqual(['403', '403']);
      }
    });

    test('preconditions where they say nothing are refused, and not dropped', async () => {
      const body = observation('patient-01');
      const answer = await trial.send('batch', [
        entry('POST Observation', body, { ifMatch: 'W/"1"' }),
        entry('POST Observation', body, { ifNoneMatch: '*' }),
        entry(`GET ${mine}`, undefined, { ifNoneExist: '_id=1' }),
        entry(`GET ${mine}`, undefined, { ifMatch: 'W/"1"' }),
        entry(`GET ${mine}`, undefined, { ifModifiedSince: 'yesterday' }),
        entry(`DELETE ${mine}`, undefined, { ifMatch: 'W/"9"' }),
        entry('POST Observation', body, { ifNoneExist: '' }),
        entry('POST Observation', body, { ifNoneExist: 'date=2020' }),
        entry('POST Observation', body, { 'if-none-exist': 'x' }),
      ]);
      expect(trial.statuses(answer)).toEqual([
        '400',
        '400',
        '400',
        '400',
        '400',
        trial.ofDeletion('412'),
        '400',
        '403',
        '400',
      ]);
      expect(await trial.there(mine)).toBeDefined();
    });

    test('the body’s resourceType and id are those of the entry’s URL', async () => {
      const before = await trial.versions('Observation');
      const answer = await trial.send('batch', [
        entry(`PUT ${mine}`, { resourceType: 'Patient', id: 'patient-02' }),
        entry(`PUT ${mine}`, observation('patient-01', { id: theirs.split('/')[1] })),
        entry('POST Observation', { resourceType: 'Patient', id: 'patient-02' }),
        entry('POST Observation'),
        entry(`DELETE ${mine}`, observation('patient-01')),
        entry(`GET ${mine}`, observation('patient-01')),
        entry('POST Observation', observation('patient-01', { subject: { reference: 'Patient?name=a' } })),
      ]);
      expect(trial.statuses(answer)).toEqual(Array.from({ length: 7 }, () => '400'));
      expect(await trial.versions('Observation')).toEqual(before);
    });

    test('patches: a JSON Patch in a Binary, and no other', async () => {
      const broken = { resourceType: 'Binary', contentType: 'application/json-patch+json' };
      const inBinary = (contentType: string, text: string) => ({
        resourceType: 'Binary',
        contentType,
        data: Buffer.from(text).toString('base64'),
      });
      const twice = Buffer.from('[{"op":"test","op":"remove","path":"/code"}]').toString('base64');
      const answer = await trial.send('batch', [
        entry(`PATCH ${mine}`, fhirPathPatch),
        entry(`PATCH Observation?_id=${mine.split('/')[1]}`, fhirPathPatch),
        entry(`PATCH ${mine}`, inBinary('application/fhir+json', JSON.stringify(fhirPathPatch))),
        entry(`PATCH ${mine}`, inBinary('application/xml-patch+xml', xmlPatch)),
        entry(`PATCH ${mine}`, { ...broken, data: '!' }),
        entry(`PATCH ${mine}`, { ...broken, data: twice }),
        entry(`PATCH ${mine}`, patch({ op: 'replace', path: '/id', value: 'x' })),
        entry(`PATCH ${mine}`, patch({ op: 'test', path: '/status', value: 'no' })),
      ]);
      expect(trial.statuses(answer)).toEqual(['415', '415', '415', '415', '400', '400', '400', '422']);
      for (const { response } of answer.entries.slice(0, 4))
        expect(response.outcome).toMatchObject({
          resourceType: 'OperationOutcome',
          issue: [
            { code: 'not-supported', diagnostics: expect.stringContaining('application/json-patch+json') as string },
          ],
        });
      expect(await trial.there(mine)).toMatchObject({ status: 'final' });
    });

    test('an entry of a batch names no other one', async () => {
      const answer = await trial.send('batch', [
        entry('POST Observation', observation('patient-01'), {}, urn),
        entry('POST Observation', observation('patient-01', { hasMember: [{ reference: urn }] })),
        entry(`PATCH ${mine}`, patch({ op: 'add', path: '/focus', value: [{ reference: urn.toUpperCase() }] })),
      ]);
      expect(trial.statuses(answer)).toEqual(['201', '400', '400']);
    });

    const read = entry(`GET ${mine}`);
    test.each<[string, object | string, number]>([
      ['no Bundle', observation('patient-01'), 400],
      ['no type', { resourceType: 'Bundle', entry: [read] }, 400],
      ['another type', { resourceType: 'Bundle', type: 'collection', entry: [read] }, 400],
      ['no entries', { resourceType: 'Bundle', type: 'batch', entry: [] }, 400],
      ['entries that are none', { resourceType: 'Bundle', type: 'batch', entry: 'x' }, 400],
      ['other rules', { resourceType: 'Bundle', type: 'batch', implicitRules: 'urn:x', entry: [read] }, 400],
      ['too many', { resourceType: 'Bundle', type: 'batch', entry: Array.from({ length: 21 }, () => read) }, 400],
      [
        'one fullUrl twice',
        {
          resourceType: 'Bundle',
          type: 'batch',
          entry: [
            { ...read, fullUrl: urn },
            { ...read, fullUrl: urn.toUpperCase().replace('URN:UUID', 'urn:uuid') },
          ],
        },
        400,
      ],
      [
        'a key that stands twice',
        `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"${mine}","url":"${theirs}"}}]}`,
        400,
      ],
      ['no JSON', '{', 400],
      [
        'more than is taken',
        { resourceType: 'Bundle', type: 'batch', entry: [read], language: ' '.repeat(100_001) },
        413,
      ],
    ])('refused whole: %s', async (_what, body, status) => {
      const answer = await trial.post(body);
      expect(answer.status).toBe(status);
      expect(JSON.parse(answer.text)).toMatchObject({ resourceType: 'OperationOutcome' });
      expectNothingForeign(answer);
    });

    test('XML, a compressed body, and parameters beside it', async () => {
      const batch = { resourceType: 'Bundle', type: 'batch', entry: [read] };
      expect((await trial.post(batch, own, { 'content-type': 'application/fhir+xml' })).status).toBe(415);
      expect((await trial.post(batch, own, { 'content-encoding': 'gzip' })).status).toBe(415);
      expect((await trial.post(batch, own, {}, '/?_getpages=1')).status).toBe(403);
      expect((await trial.post(batch, own, { 'x-http-method-override': 'GET' })).status).toBe(403);
    });

    test('elements of an entry that could change what it means', async () => {
      const answer = await trial.send('batch', [
        { ...read, modifierExtension: [{ url: 'urn:x', valueBoolean: true }] },
        { ...read, response: { status: '200' } },
        { ...read, search: { mode: 'match' } },
        { ...read, request: { method: 'GET', url: mine, modifierExtension: [] } },
        { ...read, request: { method: 'GET', _url: { extension: [] } } },
        { ...read, fullUrl: 'Observation/1' },
        { resource: observation('patient-01') },
        'GET',
      ] as object[]);
      expect(trial.statuses(answer)).toEqual(Array.from({ length: 8 }, () => '400'));
    });

    test('an entry counts as a call: a day’s quota is not got round', async () => {
      trial.gateway.inForce = { ...trial.gateway.inForce, limits: { callsPerDay: 5 } };
      const reads = Array.from({ length: 3 }, () => entry(`GET ${mine}`));
      expect((await trial.send('batch', reads)).status).toBe(200);
      const answer = await trial.send('batch', reads);
      expect([answer.status, Number(answer.headers['retry-after']) > 0]).toEqual([429, true]);
      expect((await trial.alone(own, `GET ${mine}`)).status).toBe(200);
    });

    test('a token that counts no more gets nothing', async () => {
      trial.gateway.inForce = { ...trial.gateway.inForce, status: 'closed' };
      const answer = await trial.send('batch', [entry(`GET ${mine}`)]);
      expect(answer.status).toBe(401);
    });
  });
});
