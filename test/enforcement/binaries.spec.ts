import type { StoredResource } from '#testing';
import { Admissions } from '../../apps/gateway/src/admit-patients/admissions.js';
import { UpstreamFailed } from '../../apps/gateway/src/ask-upstream/upstream-failed.js';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { type FhirError, fhirError } from '../../apps/gateway/src/proxy/operation-outcome.js';
import { BASE, GatewayInProcess, HostileUpstream, type SeenAnswer } from './gateway-in-process.js';
import { gatewayBefore, type GuardedGateway } from './guarded-gateway.js';
import { backend, type Guarded, guardedServers, own, putOn, roomy, someoneElse } from './guarded-servers.js';
import type { ModelToken } from './model.js';
import { RightsTrial } from './rights-trial.js';
import { ToldRegister } from './told-register.js';

const json = { 'content-type': 'application/fhir+json' };
const to = (reference: string) => ({ reference });
const binary = (id: string, more: object = {}): StoredResource => ({
  resourceType: 'Binary',
  id,
  contentType: 'text/plain',
  data: 'c2VjcmV0',
  ...more,
});
const document = (patient: string, urls: readonly string[], more: object = {}) => ({
  resourceType: 'DocumentReference',
  status: 'current',
  subject: to(`Patient/${patient}`),
  content: urls.map((url) => ({ attachment: { url } })),
  ...more,
});
const category = (code: string) => ({ category: [{ coding: [{ system: 'urn:kinds', code }] }] });
const scoped = (...scopes: readonly [string, string, ModelToken['scopes'][number]['conditions']?][]): ModelToken => ({
  ...own,
  scopes: scopes.map(([type, letters, conditions = []]) => ({ context: 'patient', type, letters, conditions })),
});

/** All that is asked for here, put on the server itself. */
async function fill(guarded: Guarded): Promise<void> {
  const { base } = guarded;
  const resources: readonly StoredResource[] = [
    binary('shown'),
    { ...document('patient-01', ['Binary/shown'], category('note')), id: 'shows' },
    binary('absolute'),
    { ...document('patient-01', [`${base}/Binary/absolute`]), id: 'shows-absolutely' },
    binary('theirs'),
    { ...document('patient-02', ['Binary/theirs']), id: 'shows-theirs' },
    binary('both'),
    { ...document('patient-01', ['Binary/both']), id: 'shows-both' },
    { ...document('patient-02', ['Binary/both']), id: 'shows-both-too' },
    binary('near'),
    {
      ...document('patient-01', [
        'Binary/near2',
        'Binary/nea',
        'Binary/near/_history/1',
        'Binary/near/',
        'Binary/near?x=y',
        'binary/near',
        './Binary/near',
        '/Binary/near',
        'Binary%2Fnear',
        'http://other.example/fhir/Binary/near',
        `${base}.example/Binary/near`,
        `${base}/Binary/near#x`,
      ]),
      id: 'shows-near',
    },
    binary('nowhere'),
    binary('of-theirs', { securityContext: to('Patient/patient-02') }),
    { ...document('patient-01', ['Binary/of-theirs']), id: 'shows-of-theirs' },
    binary('of-mine', { securityContext: to('Patient/patient-01') }),
    { ...document('patient-02', ['Binary/of-mine']), id: 'shows-of-mine' },
    binary('reported'),
    {
      resourceType: 'DiagnosticReport',
      id: 'reports',
      status: 'final',
      code: { text: 'x' },
      subject: to('Patient/patient-01'),
      presentedForm: [{ url: 'Binary/reported' }],
    },
    { ...document('patient-01', ['http://other.example/fhir/Binary/theirs']), id: 'mine' },
  ];
  await putOn(guarded, resources);
}

describe.each(guardedServers)('a Binary and the documents that show it, before %s', (_name, listen) => {
  const filled = async () => {
    const guarded = await listen();
    await fill(guarded);
    return guarded;
  };
  let before: GuardedGateway;
  beforeAll(async () => (before = await gatewayBefore(filled)));
  afterAll(async () => await before.close());

  const get = async (target: string, token: ModelToken = own, at = before) => await at.gateway.call(token, target);
  const expectNotThere = async (target: string, token: ModelToken = own, at = before) => {
    const [hidden, none] = [await get(target, token, at), await get('/Binary/none', token, at)];
    expect([hidden.status, hidden.headers['content-type'], hidden.text]).toEqual([
      404,
      none.headers['content-type'],
      none.text,
    ]);
  };

  describe('reads', () => {
    test.each([
      ['one that a document of the patient names', '/Binary/shown'],
      ['one that it names by the server’s own URL', '/Binary/absolute'],
      ['one that a document of somebody else names, too', '/Binary/both'],
      ['a version of it', '/Binary/shown/_history/1'],
    ])('%s: %s', async (_what, target) => {
      const { status, text } = await get(target);
      expect([status, JSON.parse(text)]).toMatchObject([200, { resourceType: 'Binary', data: 'c2VjcmV0' }]);
    });

    test('its history, and nobody else’s', async () => {
      expect((await get('/Binary/shown/_history')).text).toContain('c2VjcmV0');
      expect((await get('/Binary/theirs/_history')).status).toBe(404);
    });

    test.each([
      ['one that somebody else’s document names', '/Binary/theirs'],
      ['one whose URL a document nearly has', '/Binary/near'],
      ['one that nothing names', '/Binary/nowhere'],
      ['one that says itself that it is somebody else’s', '/Binary/of-theirs'],
      ['one that only a DiagnosticReport names: no search finds it', '/Binary/reported'],
      ['a version of somebody else’s', '/Binary/theirs/_history/1'],
    ])('not %s: %s', async (_what, target) => await expectNotThere(target));

    test('what the scopes say of documents holds', async () => {
      const kept = [{ name: 'category', value: 'urn:kinds|note' }];
      expect((await get('/Binary/shown', scoped(['Binary', 'r'], ['DocumentReference', 'r', kept]))).status).toBe(200);
      const other = [{ name: 'category', value: 'urn:kinds|letter' }];
      await expectNotThere('/Binary/shown', scoped(['Binary', 'r'], ['DocumentReference', 'r', other]));
      await expectNotThere('/Binary/shown', scoped(['Binary', 'r'], ['DocumentReference', 's']));
      await expectNotThere('/Binary/shown', scoped(['Binary', 'r']));
      expect((await get('/Binary/shown', scoped(['DocumentReference', 'rs']))).status).toBe(403);
      await expectNotThere('/Binary/shown', someoneElse);
    });

    test('scopes of two contexts give no more together: whose it is has to be reached by the scope of Binary itself', async () => {
      const both = (binaries: 'patient' | 'user' | 'system', documents: 'patient' | 'user' | 'system'): ModelToken => ({
        ...own,
        scopes: [
          { context: binaries, type: 'Binary', letters: 'r', conditions: [] },
          { context: documents, type: 'DocumentReference', letters: 'rs', conditions: [] },
          { context: documents, type: 'Patient', letters: 'rs', conditions: [] },
        ],
      });
      for (const token of [both('patient', 'system'), both('user', 'system')]) {
        expect((await get('/DocumentReference/shows-theirs', token)).status).toBe(200);
        for (const target of ['/Binary/theirs', '/Binary/of-theirs']) await expectNotThere(target, token);
        for (const target of ['/Binary/shown', '/Binary/of-mine', '/Binary/both'])
          expect([target, (await get(target, token)).status]).toEqual([target, 200]);
      }
      // What a document of the patient's shows is the patient's, whichever scope shows the document.
      expect((await get('/Binary/shown', both('user', 'patient'))).status).toBe(200);
      expect((await get('/Binary/shown', both('system', 'patient'))).status).toBe(200);
    });

    test('the record names the patient of the document', async () => {
      before.gateway.records.length = 0;
      await get('/Binary/shown');
      await before.gateway.idle();
      expect(JSON.stringify(before.gateway.records)).toContain('patient-01');
    });
  });

  test('what a decision point says of documents holds', async () => {
    const trial = await RightsTrial.start(filled);
    try {
      expect((await trial.get('/Binary/shown')).status).toBe(200);
      expect((await trial.get('/Binary/theirs')).status).toBe(404);
      expect((await trial.get('/Binary/nowhere')).status).toBe(404);
      const theirs = await trial.send('POST', '/DocumentReference', document('patient-01', ['Binary/of-theirs']));
      expect(theirs.status).toBe(403);
    } finally {
      await trial.close();
    }
  });

  test('what a register says of the patients of documents holds', async () => {
    const register = new ToldRegister();
    register.said.set('patient-01', 'permit');
    const guarded = await filled();
    const upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    const admissions = new Admissions([{ name: 'members', kind: 'attribution', register }]);
    const gateway = new GatewayInProcess(upstream, [], [], {}, [], undefined, admissions);
    await gateway.start();
    try {
      const statusOf = async (target: string) => (await gateway.call(backend, target)).status;
      expect([await statusOf('/Binary/shown'), await statusOf('/Binary/both')]).toEqual([200, 200]);
      expect([await statusOf('/Binary/theirs'), await statusOf('/Binary/nowhere')]).toEqual([404, 404]);
    } finally {
      await Promise.all([gateway.close(), upstream.close()]);
      await guarded.close();
    }
  });

  describe('where something is withheld', () => {
    let withheld: GuardedGateway;
    beforeAll(async () => {
      withheld = await gatewayBefore(filled, [{ name: 'opted out', patients: ['patient-02'] }]);
    });
    afterAll(async () => await withheld.close());

    test.each(['/Binary/shown', '/Binary/binary-01'])('%s is seen by its document', async (target) => {
      expect((await get(target, backend, withheld)).status).toBe(200);
      expect((await get(target, own, withheld)).status).toBe(200);
    });

    test.each([
      ['one whose document is withheld', '/Binary/theirs'],
      ['one of whose documents one is withheld', '/Binary/both'],
      ['one that says whose it is, and that a withheld document names', '/Binary/of-mine'],
      ['one that nothing names', '/Binary/nowhere'],
    ])('not %s', async (_what, target) => {
      await expectNotThere(target, backend, withheld);
      await expectNotThere(target, own, withheld);
    });
  });

  test('a server whose pages have no end is asked for a few of them', async () => {
    const { hostile } = before.guarded;
    if (!hostile) return;
    hostile.mostAtOnce = 1;
    hostile.requests.length = 0;
    try {
      await expectNotThere('/Binary/theirs');
      // It, and one that nobody has: a read, and three pages.
      expect(hostile.requests.length).toBeLessThan(9);
    } finally {
      hostile.mostAtOnce = Infinity;
    }
  });

  describe('writes', () => {
    const write = async (method: string, target: string, body: object, more: object = {}, token = own) =>
      await before.gateway.call(token, target, {
        method,
        headers: { ...json, ...more },
        body: JSON.stringify(body),
      });
    const report = (url: string) => ({
      resourceType: 'DiagnosticReport',
      status: 'final',
      code: { text: 'x' },
      subject: to('Patient/patient-01'),
      presentedForm: [{ url }],
    });
    const putting = (url: string) => ({ ...document('patient-01', [url]), id: 'mine' });
    const inBundle = async (type: string, url: string) =>
      await write('POST', '/', {
        resourceType: 'Bundle',
        type,
        entry: [
          { resource: document('patient-01', [url]), request: { method: 'POST', url: 'DocumentReference' } },
          { resource: putting(url), request: { method: 'PUT', url: 'DocumentReference/mine' } },
        ],
      });
    const patching = (url: string) =>
      before.gateway.call(own, '/DocumentReference/mine', {
        method: 'PATCH',
        headers: { 'content-type': 'application/json-patch+json' },
        body: JSON.stringify([{ op: 'replace', path: '/content/0/attachment/url', value: url }]),
      });

    const ways: readonly (readonly [string, (url: string) => Promise<SeenAnswer>])[] = [
      ['a creation', async (url) => await write('POST', '/DocumentReference', document('patient-01', [url]))],
      [
        'a creation on condition',
        async (url) =>
          await write('POST', '/DocumentReference', document('patient-01', [url]), {
            'if-none-exist': 'identifier=none',
          }),
      ],
      ['an update', async (url) => await write('PUT', '/DocumentReference/mine', putting(url))],
      [
        'an update on condition',
        async (url) => await write('PUT', '/DocumentReference?_id=mine', document('patient-01', [url])),
      ],
      ['a patch', patching],
      ['a DiagnosticReport', async (url) => await write('POST', '/DiagnosticReport', report(url))],
      [
        'an attachment of another type',
        async (url) =>
          await write('POST', '/Communication', {
            resourceType: 'Communication',
            status: 'completed',
            subject: to('Patient/patient-01'),
            payload: [{ contentAttachment: { url } }],
          }),
      ],
      [
        'a reference',
        async (url) =>
          await write('POST', '/DocumentReference', {
            ...document('patient-01', []),
            context: { related: [to(url)] },
          }),
      ],
      [
        'an extension',
        async (url) =>
          await write('POST', '/DocumentReference', {
            ...document('patient-01', []),
            extension: [{ url: 'urn:x', valueUrl: url }],
          }),
      ],
      [
        'what is contained',
        async (url) =>
          await write('POST', '/DocumentReference', {
            ...document('patient-01', []),
            contained: [{ ...document('patient-01', [url]), id: 'inner' }],
          }),
      ],
    ];

    test.each(ways)('%s names no Binary that is not seen, and does not tell whether it is there', async (_what, by) => {
      const [theirs, none] = [await by('Binary/theirs'), await by('Binary/none')];
      expect([theirs.status, theirs.text]).toEqual([403, none.text]);
      expect((await by('Binary/nowhere')).text).toBe(none.text);
      const read = await get('/DocumentReference/mine');
      expect(read.text).not.toContain('"Binary/');
    });

    test.each(['batch', 'transaction'])('no entry of a %s does', async (type) => {
      const [theirs, none] = [await inBundle(type, 'Binary/theirs'), await inBundle(type, 'Binary/none')];
      expect(theirs.text).toBe(none.text);
      expect(theirs.text).toContain('Binary');
      if (type === 'transaction') expect(theirs.status).toBe(403);
      else expect(theirs.text.match(/"status":"403"/g)).toHaveLength(2);
    });

    test.each([
      ['our URL', `${BASE}/Binary/theirs`],
      ['a version', 'Binary/theirs/_history/1'],
      ['a slash at its end', 'Binary/theirs/'],
      ['a slash before', '/Binary/theirs'],
      ['dots', './Binary/theirs'],
      ['dots to another type', 'Patient/../Binary/theirs'],
      ['an encoded slash', 'Binary%2Ftheirs'],
      ['one that is encoded twice', 'Binary%252Ftheirs'],
      ['other letters', 'binary/theirs'],
      ['a query', 'Binary/theirs?_format=json'],
      ['a fragment', 'Binary/theirs#x'],
      ['a space before', ' Binary/theirs'],
      ['our URL in other letters', `${BASE.replace('https://gatehouse', 'HTTPS://Gatehouse')}/Binary/theirs`],
      ['our URL behind a name', BASE.replace('https://', 'https://user@') + '/Binary/theirs'],
      ['another scheme', `${BASE.replace('https', 'http')}/Binary/theirs`],
    ])('nor by %s', async (_what, url) => {
      const written = document('patient-01', [url]);
      expect((await write('POST', '/DocumentReference', written)).status).toBe(403);
    });

    test('what the writer sees may be named, and what is on other servers; so may anything by whoever sees all', async () => {
      for (const url of [
        'Binary/shown',
        `${BASE}/Binary/shown`,
        'http://other.example/fhir/Binary/theirs',
        'urn:uuid:4',
      ])
        expect((await write('POST', '/DocumentReference', document('patient-01', [url]))).status).toBe(201);
      const all = await write('POST', '/DocumentReference', document('patient-02', ['Binary/nowhere']), {}, backend);
      expect(all.status).toBe(201);
      await before.gateway.call(backend, `/DocumentReference/${(JSON.parse(all.text) as StoredResource).id}`, {
        method: 'DELETE',
      });
    });

    test('the scope of Binary is needed, in every context', async () => {
      for (const context of ['patient', 'system'] as const) {
        const token: ModelToken = {
          ...own,
          scopes: [{ context, type: 'DocumentReference', letters: 'cruds', conditions: [] }],
        };
        const written = await write('POST', '/DocumentReference', document('patient-01', ['Binary/shown']), {}, token);
        expect(written.status).toBe(403);
      }
    });

    test('after all of it nothing more is seen', async () => {
      await expectNotThere('/Binary/theirs');
      await expectNotThere('/Binary/near');
    });
  });
});

describe('where the server answers nothing more than what was asked first', () => {
  const server = new HostileUpstream();
  /** What is told in the place of all that is asked to judge what was found. */
  let failure: FhirError;
  const first = ['/Binary/there', '/Binary/of-theirs', '/Binary/none', '/Provenance/there', '/Provenance/none'];
  const gateway = new GatewayInProcess({
    base: server.base,
    send: server.send,
    pass: server.pass,
    ask: async (target, by) => {
      if (!first.splice(first.indexOf(target.target), first.includes(target.target) ? 1 : 0).length)
        throw new UpstreamFailed(failure, { isItsFault: true });
      return await server.ask(target, by);
    },
  });
  beforeAll(async () => {
    await gateway.start();
    server.holds([
      binary('there'),
      binary('of-theirs', { securityContext: to('DocumentReference/d') }),
      { resourceType: 'Provenance', id: 'there', target: [to('Observation/o')] },
    ]);
  });
  afterAll(async () => await gateway.close());

  test.each<[string, FhirError]>([
    ['too many wait', fhirError(429, 'throttled', 'Too many.', { 'Retry-After': '1' })],
    ['it failed', fhirError(502, 'transient', 'It failed.')],
    ['it is not asked', fhirError(503, 'transient', 'It is broken.')],
  ])('that something is there shows by nothing: %s', async (_what, told) => {
    failure = told;
    for (const [type, ...hidden] of [
      ['Binary', 'there', 'of-theirs'],
      ['Provenance', 'there'],
    ]) {
      const answers: [number, string][] = [];
      for (const id of [...hidden, 'none']) {
        first.splice(0, Infinity, `/${type}/${id}`);
        const { status, text } = await gateway.call(own, `/${type}/${id}`);
        answers.push([status, text]);
      }
      expect(answers).toEqual(answers.map(() => [told.status, JSON.stringify(told.body)]));
    }
    const written: [number, string][] = [];
    for (const id of ['there', 'of-theirs', 'none']) {
      first.splice(0, Infinity, `/Binary/${id}`);
      const body = JSON.stringify(document('patient-01', [`Binary/${id}`]));
      const { status, text } = await gateway.call(own, '/DocumentReference', { method: 'POST', headers: json, body });
      written.push([status, text]);
    }
    expect(new Set(written.map((it) => JSON.stringify(it))).size).toBe(1);
  });
});
