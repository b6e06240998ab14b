import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { TOKEN_CLOCK_TOLERANCE_S } from '#contracts';
import type { WithholdingRule } from '#smart';
import type { StoredResource } from '#testing';
import { Admissions } from '../../apps/gateway/src/admit-patients/admissions.js';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { BASE, GatewayInProcess, type SeenAnswer } from './gateway-in-process.js';
import { backend, data, type Guarded, guardedServers, own, roomy } from './guarded-servers.js';
import type { ModelToken } from './model.js';
import { ToldRegister } from './told-register.js';

const backendWith = (...types: string[]): ModelToken => ({
  scopes: types.map((type) => ({ context: 'system', type, letters: 'rs', conditions: [] })),
});
const laboratory: ModelToken = {
  scopes: [
    { context: 'system', type: 'Observation', letters: 'rs', conditions: [{ name: 'category', value: 'laboratory' }] },
  ],
};
const optedOut: WithholdingRule = { name: 'opted out', patients: ['patient-02'] };

interface Manifest {
  readonly output: readonly { readonly type: string; readonly url: string }[];
  readonly [element: string]: unknown;
}

const async = { prefer: 'respond-async', accept: 'application/fhir+json' };
const linesIn = ({ text }: SeenAnswer) =>
  text
    .split('\n')
    .filter((it) => it !== '')
    .map((it) => JSON.parse(it) as StoredResource);
const idsOf = (type: string) => data.filter((it) => it.resourceType === type).map(({ id }) => id);

describe.each(guardedServers)('exports before %s', (_name, listen) => {
  let guarded: Guarded;
  let upstream: Upstream;
  let gateway: GatewayInProcess;
  let withholding: GatewayInProcess;

  beforeAll(async () => {
    guarded = await listen();
    upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    gateway = new GatewayInProcess(upstream);
    withholding = new GatewayInProcess(upstream, [optedOut]);
    await Promise.all([gateway.start(), withholding.start()]);
  });
  afterEach(async () => {
    // What a test began is ended, so that none of them is one too many.
    for (const each of [gateway, withholding]) {
      const inForce = each.inForce;
      each.inForce = { ...inForce, status: 'closed', why: 'suspended' };
      each.openCalls.lookAgain('a1');
      each.inForce = inForce;
    }
  });
  afterAll(async () => {
    await Promise.all([gateway.close(), withholding.close(), upstream.close()]);
    await guarded.close();
  });

  function expectNothingOfTheServer({ headers, text }: SeenAnswer): void {
    const all = JSON.stringify(headers) + text;
    for (const not of [/127\.0\.0\.1/, /poll-status|poll-file|_jobId/, /HAPI[-:]|JSESSIONID|x-progress/])
      expect(all).not.toMatch(not);
  }

  const begin = async (target: string, token = backend, at = gateway) => {
    const begun = await at.call(token, target, { headers: async });
    expect([begun.status, begun.text]).toEqual([202, '']);
    expectNothingOfTheServer(begun);
    return begun.headers['content-location'] ?? '';
  };
  /** The manifest, when the server is done. */
  const manifestAt = async (status: string, token = backend, at = gateway): Promise<Manifest> => {
    for (;;) {
      const answer = await at.call(token, status);
      expectNothingOfTheServer(answer);
      if (answer.status === 202) continue;
      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json']);
      return JSON.parse(answer.text) as Manifest;
    }
  };
  const exported = async (target: string, token = backend, at = gateway) => {
    const { output } = await manifestAt(await begin(target, token, at), token, at);
    const files: { readonly type: string; readonly ids: readonly string[] }[] = [];
    for (const { type, url } of output) {
      expect(url).toMatch(/^https:\/\/gatehouse\.example\.org\/fhir\/\$export-file\?_job=[\w-]+$/);
      const file = await at.call(token, url);
      expect([file.status, file.headers['content-type']]).toEqual([200, 'application/fhir+ndjson']);
      expectNothingOfTheServer(file);
      const lines = linesIn(file);
      expect(new Set(lines.map((it) => it.resourceType))).toEqual(new Set(lines.length === 0 ? [] : [type]));
      files.push({ type, ids: lines.map(({ id }) => id) });
    }
    return files;
  };
  const idsIn = (files: Awaited<ReturnType<typeof exported>>, type: string) =>
    files.flatMap((it) => (it.type === type ? it.ids : [])).sort();

  test('of the system give all that the scopes reach, type by type, over addresses of ours', async () => {
    const files = await exported('/$export?_type=Patient,Observation');
    expect(new Set(files.map(({ type }) => type))).toEqual(new Set(['Patient', 'Observation']));
    for (const type of ['Patient', 'Observation']) expect(idsIn(files, type)).toEqual(idsOf(type).sort());
  });

  test('without _type give the types that the scopes name, whatever the server has', async () => {
    const files = await exported('/$export', backendWith('Condition', 'Practitioner'));
    expect(new Set(files.map(({ type }) => type))).toEqual(new Set(['Condition', 'Practitioner']));
    expect(idsIn(files, 'Condition')).toEqual(idsOf('Condition').sort());
    const all = await exported('/$export');
    expect(all.map(({ type }) => type)).not.toContain('Binary');
    expect(idsIn(all, 'Encounter')).toEqual(idsOf('Encounter').sort());
  });

  test('under a granular scope give what it names, in one file whatever there is', async () => {
    const files = await exported('/$export?_type=Observation', laboratory);
    expect(files).toHaveLength(1);
    expect(idsIn(files, 'Observation')).toEqual(
      idsOf('Observation')
        .filter((it) => it.endsWith('-laboratory'))
        .sort(),
    );
  });

  test('give no line that other than system/ scopes reach', async () => {
    const both = { ...own, scopes: [...own.scopes, ...laboratory.scopes] };
    const files = await exported('/$export?_type=Observation', both);
    expect(idsIn(files, 'Observation')).toEqual(
      idsIn(await exported('/$export?_type=Observation', laboratory), 'Observation'),
    );
  });

  test('of patients leave out what is about nobody', async () => {
    const files = await exported('/Patient/$export?_type=Observation,Organization');
    expect(idsIn(files, 'Observation')).toEqual(idsOf('Observation').sort());
    const refused = await gateway.call(backend, '/Patient/$export?_type=ValueSet', { headers: async });
    expect(refused.status).toBe(403);
  });

  test('of a group give those who are in it, whomever the server gives', async () => {
    const files = await exported('/Group/group-01/$export?_type=Patient,Observation,Condition');
    expect(idsIn(files, 'Patient')).toEqual(['patient-01', 'patient-03']);
    for (const type of ['Observation', 'Condition'])
      for (const id of idsIn(files, type)) expect(id).toMatch(/^[a-z]+-0[13]-/);
  });

  test('withhold what is withheld, and do not tell that it is there', async () => {
    const files = await exported('/$export?_type=Patient,Observation', backend, withholding);
    expect(files).toHaveLength(2);
    expect(idsIn(files, 'Patient')).toEqual(
      idsOf('Patient')
        .filter((it) => it !== 'patient-02')
        .sort(),
    );
    expect(idsIn(files, 'Observation').join()).not.toContain('observation-02');
    const all = await withholding.call(backend, '/$export', { headers: async });
    expect([all.status, all.text]).toEqual([403, expect.stringContaining('_type')]);
  });

  test('tell nothing of the server’s manifest but types', async () => {
    const status = await begin('/$export?_type=Patient&_outputFormat=ndjson');
    const { output, transactionTime, ...rest } = await manifestAt(status);
    expect(rest).toEqual({
      request: `${BASE}/$export?_type=Patient&_outputFormat=ndjson`,
      requiresAccessToken: true,
      error: [],
    });
    expect(transactionTime).toMatch(/^\d{4}-\d\d-\d\dT/);
    for (const each of output) expect(Object.keys(each).sort()).toEqual(['type', 'url']);
  });

  test.each([
    ['patient/ scopes', '/$export', own, 'system/Patient.s'],
    ['patient/ scopes, of a type', '/Patient/$export?_type=Observation', own, 'system/Observation.s'],
    ['another type', '/$export?_type=Patient,Observation', backendWith('Observation'), 'system/Patient.s'],
    ['no group', '/Group/group-01/$export?_type=Observation', backendWith('Observation'), 'system/Group.r'],
  ])('are refused under %s, and told which scope would do', async (_what, target, token, scope) => {
    const answer = await gateway.call(token, target, { headers: async });
    expect(answer.status).toBe(403);
    expect(answer.headers['www-authenticate']).toContain(scope);
  });

  test.each([
    ['a type that cannot be judged line by line', '/$export?_type=Binary'],
    ['what belongs to something, of a group', '/Group/group-01/$export?_type=Provenance'],
    ['a parameter twice', '/$export?_type=Patient&_type=Observation'],
    ['an encoded parameter beside the plain one', '/$export?_type=Patient&%5Ftype=Observation'],
    ['a type that there is not', '/$export?_type=Spell'],
    ['no type', '/$export?_type='],
    ['a filter', '/$export?_type=Patient&_typeFilter=Patient%3Fx'],
    ['another format', '/$export?_outputFormat=application/fhir%2Bparquet'],
    ['elements', '/$export?_elements=id'],
    ['another’s job', '/$export?job=1'],
    ['another type’s level', '/Observation/$export'],
    ['a patient', '/Patient/patient-01/$export'],
    ['an encoded name', '/%24export'],
    ['a job of nobody', '/$export-status?_job=AAAA'],
    ['a file of nobody', '/$export-file?_job=AAAA'],
    ['no job', '/$export-status'],
  ])('are refused with %s', async (_what, target) => {
    const answer = await gateway.call(backend, target, { headers: async });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.text)).toMatchObject({ resourceType: 'OperationOutcome' });
    expectNothingOfTheServer(answer);
  });

  test('the server’s own addresses of exports are nobody’s', async () => {
    for (const target of ['/$export-poll-status?_jobId=job-1', '/$export-poll-file?_type=Patient&part=0']) {
      const answer = await gateway.call(backend, target);
      expect(answer.status).toBe(403);
      expect(answer.text).not.toContain('patient-');
    }
  });

  test('are begun by GET, asynchronously, and by themselves', async () => {
    expect((await gateway.call(backend, '/$export')).status).toBe(400);
    expect((await gateway.call(backend, '/$export', { method: 'POST', headers: async })).status).toBe(403);
    expect((await gateway.call(backend, '/$export', { method: 'DELETE', headers: async })).status).toBe(403);
    const batch = { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url: '$export' } }] };
    const answer = await gateway.call(backend, '/', {
      method: 'POST',
      body: JSON.stringify(batch),
      headers: { ...async, 'content-type': 'application/fhir+json' },
    });
    expect(answer.text).toContain('by itself');
  });

  test('of a group that is hidden answer as of one that nobody has', async () => {
    const hidden: ModelToken = {
      scopes: [
        { context: 'system', type: 'Group', letters: 'r', conditions: [{ name: 'type', value: 'animal' }] },
        { context: 'system', type: 'Patient', letters: 'rs', conditions: [] },
      ],
    };
    const of = async (id: string) =>
      await gateway.call(hidden, `/Group/${id}/$export?_type=Patient`, { headers: async });
    const [there, none] = [await of('group-01'), await of('group-none')];
    expect([there.status, there.text]).toEqual([404, none.text]);
  });

  describe('addresses', () => {
    let status: string;
    let file: string;
    beforeEach(async () => {
      before = gateway.inForce;
      status = await begin('/$export?_type=Patient');
      file = (await manifestAt(status)).output[0]?.url ?? '';
    });
    let before: GatewayInProcess['inForce'];
    afterEach(() => {
      gateway.inForce = before;
    });

    test('do not count for each other, changed, cut or beside a parameter', async () => {
      const swapped = [
        status.replace('$export-status', '$export-file'),
        file.replace('$export-file', '$export-status'),
      ];
      const changed = [
        file.slice(0, -4),
        `${file}&_type=Observation`,
        `${file}&_job=x`,
        file.replace('_job=', '_job=A'),
      ];
      for (const target of [...swapped, ...changed]) {
        const answer = await gateway.call(backend, target);
        expect(answer.status).toBe(403);
        expect(answer.text).not.toContain('patient-');
      }
    });

    test('end with the approval that they rest on', async () => {
      gateway.inForce = { ...before, approvalVersion: 2 };
      for (const target of [status, file]) expect((await gateway.call(backend, target)).status).toBe(403);
    });

    test('show what is in scope when they are used: a token without the type is refused', async () => {
      for (const target of [status, file]) {
        const answer = await gateway.call(backendWith('Observation'), target);
        expect([answer.status, answer.headers['www-authenticate']]).toEqual([
          403,
          expect.stringContaining('Patient.s'),
        ]);
      }
      expect((await gateway.call(own, file)).status).toBe(403);
    });

    test('end with the access', async () => {
      gateway.inForce = { ...before, status: 'closed', why: 'revoked' };
      for (const target of [status, file]) expect((await gateway.call(backend, target)).status).toBe(401);
    });

    test('end by DELETE', async () => {
      const ended = await gateway.call(backend, status, { method: 'DELETE' });
      expect([ended.status, ended.text]).toEqual([202, '']);
      if (guarded.hostile) expect(guarded.hostile.exports.deleted).toContain('job-1');
      else for (const target of [status, file]) expect((await gateway.call(backend, target)).status).toBe(404);
    });

    test('are answered to HEAD without a line', async () => {
      const head = await gateway.call(backend, file, { method: 'HEAD' });
      expect([head.status, head.text]).toEqual([200, '']);
    });
  });

  test('are recorded: each call, and whose data a block holds before it leaves', async () => {
    await gateway.idle();
    gateway.records.length = 0;
    await exported('/$export?_type=Condition');
    await gateway.idle();
    const allowed = gateway.records.filter(({ type }) => type === 'access-allowed');
    expect(allowed[0]).toMatchObject({ data: { interaction: 'operation', reason: 'the scopes allow $export' } });
    const named = allowed.flatMap(({ data }) => ('partOf' in data && 'patients' in data ? (data.patients ?? []) : []));
    expect(new Set(named)).toEqual(new Set(idsOf('Patient').map((it) => `vault-${it}`)));
  });

  test('nothing leaves of a block that is not recorded', async () => {
    const status = await begin('/$export?_type=Condition');
    const url = (await manifestAt(status)).output[0]?.url ?? '';
    gateway.onRecord = ({ data }) => {
      if ('partOf' in data) throw new Error('the log is away');
    };
    const answer = await gateway.call(backend, url);
    gateway.onRecord = () => undefined;
    expect(answer.status).toBe(503);
    expect(answer.text).not.toContain('condition-');
  });

  describe.each(['attribution', 'opt-in', 'opt-out'] as const)('where patients are admitted by %s', (kind) => {
    const register = new ToldRegister();
    let admitting: GatewayInProcess;
    const isTheirs = ({ subject }: StoredResource & { readonly subject?: { readonly reference?: string } }) =>
      subject?.reference === 'Patient/patient-01';
    const admitted = data.filter((it) => it.resourceType === 'Observation' && isTheirs(it)).map(({ id }) => id);

    beforeAll(async () => {
      const admissions = new Admissions([{ name: 'members', kind, register }]);
      admitting = new GatewayInProcess(upstream, [], [], {}, [], undefined, admissions);
      await admitting.start();
    });
    beforeEach(async () => {
      register.isAway = false;
      await admitting.idle();
      admitting.records.length = 0;
      for (const id of idsOf('Patient')) register.said.set(id, id === 'patient-01' ? 'permit' : 'deny');
    });
    afterAll(async () => await admitting.close());

    test('lines of others stay here, and what all patients share leaves', async () => {
      const files = await exported('/$export?_type=Observation,Patient,Practitioner', backend, admitting);
      expect(files.map(({ type }) => type).filter((it) => it !== 'Practitioner')).toEqual(['Observation', 'Patient']);
      expect(admitted.length).toBeGreaterThan(0);
      expect(idsIn(files, 'Observation')).toEqual([...admitted].sort());
      expect(idsIn(files, 'Patient')).toEqual(['patient-01']);
      expect(idsIn(files, 'Practitioner')).toEqual(idsOf('Practitioner').sort());
      const ofPatients = await exported('/Patient/$export?_type=Observation', backend, admitting);
      expect(idsIn(ofPatients, 'Observation')).toEqual([...admitted].sort());
    });

    test('what belongs to something is not exported; what is outside the compartment is, where it names them alone', async () => {
      for (const type of ['Provenance', 'Binary']) {
        const { status } = await admitting.call(backend, `/$export?_type=${type}`, { headers: async });
        expect(status).toBe(403);
      }
      expect(idsOf('Device').length).toBeGreaterThan(1);
      expect(idsIn(await exported('/$export?_type=Device', backend, admitting), 'Device')).toEqual(['device-01']);
    });

    test('each block says by whom it was let through, and how many', async () => {
      await exported('/$export?_type=Observation', backend, admitting);
      await admitting.idle();
      const others = idsOf('Observation').length - admitted.length;
      const files = admitting.records
        .filter(({ data: it }) => 'partOf' in it || 'rights' in it)
        .map(({ data: it }) => it);
      expect(files).toMatchObject([
        { rightsBy: ['members'], patients: ['vault-patient-01'] },
        { rights: [{ by: 'members', allowed: admitted.length, denied: others, unanswered: 0 }] },
        // That somebody answers was found out first.
        { rights: [{ by: 'members', allowed: 0, denied: 0, unanswered: 0 }] },
      ]);
    });

    test('without an answer no line leaves, and nothing shows whether there is one', async () => {
      const urls: string[] = [];
      for (const type of ['Observation', 'Slot']) {
        const { output } = await manifestAt(
          await begin(`/$export?_type=${type}`, backend, admitting),
          backend,
          admitting,
        );
        urls.push(...output.map(({ url }) => url));
      }
      register.isAway = true;
      const answers = await Promise.all(urls.map(async (url) => await admitting.call(backend, url)));
      expect(answers).toHaveLength(2);
      for (const { status, text } of answers) expect([status, text]).toEqual([503, answers[0]?.text]);
    });
  });

  test('an application has so many at work at once, and then waits', async () => {
    const begun: number[] = [];
    for (let count = 0; count < 6; count++)
      begun.push((await gateway.call(backend, '/$export?_type=Location', { headers: async })).status);
    // Equal exports are one at the hostile server.
    expect(begun).toEqual([202, 202, 202, 202, 202, guarded.hostile ? 202 : 429]);
  });
});

describe('before a server that does what it wants', () => {
  let guarded: Guarded;
  let upstream: Upstream;
  let gateway: GatewayInProcess;

  beforeEach(async () => {
    const [, [, listen]] = guardedServers as [unknown, (typeof guardedServers)[0]];
    guarded = await listen();
    upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    gateway = new GatewayInProcess(upstream);
    await gateway.start();
  });
  afterEach(async () => {
    await Promise.all([gateway.close(), upstream.close()]);
    await guarded.close();
  });
  const begin = async () => await gateway.call(backend, '/$export?_type=Observation', { headers: async });
  const fileUrl = async () => {
    const status = (await begin()).headers['content-location'] ?? '';
    const { output } = JSON.parse((await gateway.call(backend, status)).text) as Manifest;
    return output[0]?.url ?? '';
  };
  const hostile = () => {
    if (!guarded.hostile) throw new Error('not the hostile one');
    return guarded.hostile;
  };

  test.each([
    'http://169.254.169.254/latest/meta-data',
    'https://bucket.example/file?X-Amz-Signature=a',
    '/relative',
    'file:///etc/passwd',
  ])('an export, or a file of it, that is elsewhere is not followed: %s', async (url) => {
    hostile().exports.elsewhere = { status: url };
    expect((await begin()).status).toBe(502);
    hostile().exports.elsewhere = { file: url };
    const status = (await begin()).headers['content-location'] ?? '';
    const answer = await gateway.call(backend, status);
    expect(answer.status).toBe(502);
    expect(answer.text).not.toContain('Amz');
  });

  test.each([
    ['no JSON', 'patient-02 is here\n'],
    ['no resource', '7\n'],
    [
      'a member twice',
      '{"resourceType":"Observation","subject":{"reference":"Patient/patient-01"},"id":"a","id":"b"}\n',
    ],
  ])('a line that is %s ends the file, untold', async (_what, file) => {
    const url = await fileUrl();
    hostile().exports.file = file;
    const answer = await gateway.call(backend, url);
    expect(answer.status).toBe(502);
    expect(answer.text).not.toContain('patient-');
  });

  test('a line without an end, and one that is too long', async () => {
    const url = await fileUrl();
    const observation = data.find(({ resourceType }) => resourceType === 'Observation');
    hostile().exports.file = JSON.stringify(observation);
    expect(linesIn(await gateway.call(backend, url))).toHaveLength(1);
    hostile().exports.file = `{"resourceType":"Observation","note":"${'x'.repeat(9_000_000)}"}`;
    expect((await gateway.call(backend, url)).status).toBe(502);
  });

  test('revocation cuts a file that is on its way, and ends the export at the server', async () => {
    const url = await fileUrl();
    const line = JSON.stringify({
      resourceType: 'Observation',
      id: 'o',
      status: 'final',
      subject: { reference: 'Patient/patient-02' },
      note: [{ text: 'x'.repeat(1_000) }],
    });
    hostile().exports.file = `${line}\n`.repeat(20_000);
    await gateway.idle();
    gateway.records.length = 0;
    const socket = connect(gateway.port, '127.0.0.1');
    const { pathname, search } = new URL(url);
    socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer abc\r\n\r\n`);
    let received = 0;
    socket.on('data', (piece: Buffer) => (received += piece.length));
    await once(socket, 'data');
    // Whoever takes no more holds the server back.
    socket.pause();
    gateway.inForce = { ...gateway.inForce, status: 'closed', why: 'revoked' };
    gateway.openCalls.lookAgain('a1');
    const closed = once(socket, 'close');
    socket.on('error', () => undefined);
    socket.resume();
    await closed;
    await gateway.idle();
    expect(received).toBeLessThan(20_000 * line.length);
    expect(hostile().exports.deleted).toEqual(['job-1']);
    expect(gateway.records.at(-1)).toMatchObject({ type: 'access-completed', data: { ending: 'cut' } });
    // What left of the block that was cut is counted for its patients, too.
    const ofFile = gateway.records.flatMap(({ type, data: it }) =>
      type === 'access-completed' && 'bytes' in it ? [it.bytes] : [],
    );
    const [whole = 0, ...blocks] = ofFile.toReversed();
    expect(whole).toBeGreaterThan(0);
    expect(blocks.reduce((sum, bytes) => sum + bytes, 0)).toBe(whole);
  });

  test('the end of its token cuts a file that is on its way, though the server gives nothing that could leave', async () => {
    const url = await fileUrl();
    // A line that never ends: nothing is asked for a piece that would be looked at.
    hostile().exports.file = '{"resourceType":"Observation","note":"';
    hostile().exports.endsFiles = false;
    gateway.believe(backend, 'a1', Date.now() + 200 - TOKEN_CLOCK_TOLERANCE_S * 1_000);
    const { pathname, search } = new URL(url);
    const asked = get({ port: gateway.port, path: pathname + search, headers: { authorization: 'Bearer abc' } });
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.resume();
    await gateway.idle();
    expect(response.statusCode).toBe(401);
    expect(gateway.records.at(-1)).toMatchObject({ type: 'access-completed', data: { ending: 'withheld', bytes: 0 } });
  });

  test('that nobody may be let in for now ends no export', async () => {
    await begin();
    gateway.openCalls.cutAll();
    expect(hostile().exports.deleted).toEqual([]);
  });
});
