import {
  type AnsweredBundle,
  type AskedEntry,
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
} from './bundle-trial.js';
import { backend, bundleServers, data, guardedServers, own } from './guarded-servers.js';
import type { ModelToken } from './model.js';

const urn = (number: number) => `urn:uuid:0b9c2a4e-6b9b-4a32-9b1f-00000000000${number}`;
const other = 'Observation/observation-01-survey';
const idOf = (key: string) => key.split('/')[1] ?? '';
const provenance = (...references: string[]) => ({
  resourceType: 'Provenance',
  recorded: '2026-01-01T00:00:00Z',
  target: references.map((reference) => ({ reference })),
  agent: [{ who: to('patient-01') }],
});
const scoped = (letters: string, type = 'Observation'): ModelToken => ({
  ...own,
  scopes: [{ context: 'patient', type, letters, conditions: [] }],
});

describe.each(bundleServers)('transactions before %s', (_name, listen) => {
  let trial: BundleTrial;
  beforeEach(async () => (trial = await BundleTrial.start(listen)));
  afterEach(async () => await trial.close());

  const written = ['Observation', 'Patient', 'Provenance', 'Basic', 'Practitioner'];
  const all = async () => await Promise.all(written.map(async (type) => await trial.versions(type)));
  const createdIn = (answer: AnsweredBundle, at: number) => String(answer.entries[at]?.resource?.['id']);

  /** It is refused whole, told why, and the server holds what it held. */
  async function expectRefused(
    status: number,
    entries: readonly AskedEntry[],
    { token = own, at }: { readonly token?: ModelToken; readonly at?: number } = {},
  ): Promise<AnsweredBundle> {
    const before = await all();
    const answer = await trial.send('transaction', entries, token);
    expect([answer.status, answer.entries]).toEqual([status, []]);
    const outcome = JSON.parse(answer.text) as { readonly resourceType: string; readonly issue: readonly object[] };
    expect(outcome.resourceType).toBe('OperationOutcome');
    if (at !== undefined) expect(outcome.issue).toMatchObject([{ expression: [`Bundle.entry[${at}]`] }]);
    expectNothingForeign(answer);
    expect(await all()).toEqual(before);
    return answer;
  }

  /** A deletion; of a server that gets none an update. */
  const removal = () =>
    trial.deletes ? entry(`DELETE ${other}`) : entry(`PUT ${other}`, observation('patient-01', { id: idOf(other) }));
  /** The status of a refusal, where no deletion among the entries is refused already. */
  const unlessDeleting = (status: number, entries: readonly AskedEntry[]) =>
    trial.deletes || !entries.some(({ request }) => JSON.stringify(request).includes('"DELETE"')) ? status : 403;

  describe('what is carried out', () => {
    test('creations, an update, a patch and a deletion together, and reads of what is there afterwards', async () => {
      const answer = await trial.send('transaction', [
        entry(`GET ${mine}`),
        entry('POST Observation', observation('patient-01', { id: 'mine', valueQuantity: { value: 1 } }), {}, urn(1)),
        entry(`PUT ${mine}`, observation('patient-01', { id: idOf(mine), status: 'amended' }), { ifMatch: 'W/"1"' }),
        entry(
          `PATCH Condition/condition-01-health-concern`,
          patch({ op: 'add', path: '/note', value: [{ text: 'n' }] }),
        ),
        removal(),
        entry('GET Observation?status=amended'),
      ]);
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.text)).toMatchObject({ type: 'transaction-response' });
      expect(trial.statuses(answer)).toEqual(['200', '201', '200', '200', trial.deletes ? '204' : '200', '200']);
      const id = createdIn(answer, 1);
      expect(id).not.toBe('mine');
      expect(answer.entries).toMatchObject([
        { resource: { id: idOf(mine), status: 'amended' } },
        {
          fullUrl: `${BASE}/Observation/${id}`,
          response: { location: expect.stringMatching(`^${BASE}/Observation/${id}`) },
        },
        { resource: { status: 'amended' } },
        { resource: { note: [{ text: 'n' }] } },
        {},
        { resource: { total: 1 } },
      ]);
      expectNothingForeign(answer);
      expect(await trial.there(`Observation/${id}`)).toMatchObject({ subject: to('patient-01') });
      expect(await trial.there(mine)).toMatchObject({ status: 'amended' });
      expect((await trial.there(other)) === undefined).toBe(trial.deletes);
      expect(await trial.versions('Basic')).toEqual([]);
    });

    test('references between entries, forwards and in a circle, lead to what was created', async () => {
      const answer = await trial.send('transaction', [
        entry('POST Observation', observation('patient-01', { hasMember: [{ reference: urn(2) }] }), {}, urn(1)),
        entry('POST Observation', observation('patient-01', { derivedFrom: [{ reference: urn(1) }] }), {}, urn(2)),
        entry('POST Provenance', provenance(urn(1), urn(2), mine), {}, urn(3)),
        entry(
          `PUT ${mine}`,
          observation('patient-01', { id: idOf(mine), hasMember: [{ reference: urn(1) }] }),
          {},
          urn(4),
        ),
        entry('POST Provenance', provenance(urn(4))),
      ]);
      expect(trial.statuses(answer)).toEqual(['201', '201', '201', '200', '201']);
      const [one, two] = [createdIn(answer, 0), createdIn(answer, 1)].map((id) => `Observation/${id}`);
      expect(await trial.there(one ?? '')).toMatchObject({ hasMember: [{ reference: two }] });
      expect(await trial.there(two ?? '')).toMatchObject({ derivedFrom: [{ reference: one }] });
      expect(await trial.there(`Provenance/${createdIn(answer, 2)}`)).toMatchObject({
        target: [{ reference: one }, { reference: two }, { reference: mine }],
      });
      expect(await trial.there(mine)).toMatchObject({ hasMember: [{ reference: one }] });
      expect(await trial.there(`Provenance/${createdIn(answer, 4)}`)).toMatchObject({ target: [{ reference: mine }] });
    });

    test('conditional forms mean what was there before, and a reference to what was found', async () => {
      const identified = (value: string, more: object = {}) =>
        observation('patient-01', { identifier: [{ system: 'urn:lab', value }], ...more });
      const made = await trial.send('transaction', [
        entry('POST Observation', identified('7'), { ifNoneExist: 'identifier=urn:lab|7' }),
        entry('POST Observation', identified('8'), { ifNoneExist: 'identifier=urn:lab|8' }),
      ]);
      expect(trial.statuses(made)).toEqual(['201', '201']);
      const answer = await trial.send('transaction', [
        entry('POST Observation', identified('7'), { ifNoneExist: 'identifier=urn:lab|7' }, urn(1)),
        entry('PUT Observation?identifier=urn:lab|8', identified('8', { hasMember: [{ reference: urn(1) }] })),
        trial.deletes ? entry('DELETE Observation?identifier=urn:lab|9') : entry(`GET ${mine}`),
        entry('POST Observation', identified('10'), {
          ifNoneExist: 'identifier=urn:lab|10&subject=Patient/patient-02',
        }),
      ]);
      expect(trial.statuses(answer)).toEqual(['200', '200', trial.deletes ? '204' : '200', '201']);
      expect(createdIn(answer, 0)).toBe(createdIn(made, 0));
      expect(await trial.there(`Observation/${createdIn(made, 1)}`)).toMatchObject({
        hasMember: [{ reference: `Observation/${createdIn(made, 0)}` }],
      });
    });

    test('a backend creates a patient and what is about them at once', async () => {
      const answer = await trial.send(
        'transaction',
        [
          entry('POST Patient', { resourceType: 'Patient', active: true }, {}, urn(1)),
          entry('POST Observation', { ...observation('x'), subject: { reference: urn(1) } }),
        ],
        backend,
      );
      expect(trial.statuses(answer)).toEqual(['201', '201']);
      expect(await trial.there(`Observation/${createdIn(answer, 1)}`)).toMatchObject({
        subject: to(createdIn(answer, 0)),
      });
    });

    test('reads alone need no transaction of the server', async () => {
      const answer = await trial.send('transaction', [entry(`GET ${mine}`), entry('GET Patient?_id=patient-01')]);
      expect(trial.statuses(answer)).toEqual(['200', '200']);
      expect(trial.guarded.hostile?.requests.filter(({ method }) => method !== 'GET')).toEqual(
        trial.guarded.hostile ? [] : undefined,
      );
    });

    test('texts that only look like a name of an entry stay as they are', async () => {
      const text = `urn:uuid:0b9c2a4e-6b9b-4a32-9b1f-0000000000ff`;
      const answer = await trial.send('transaction', [
        entry(
          'POST Observation',
          observation('patient-01', { identifier: [{ system: 'urn:ietf:rfc:3986', value: text }] }),
          {},
          urn(1),
        ),
      ]);
      expect(await trial.there(`Observation/${createdIn(answer, 0)}`)).toMatchObject({ identifier: [{ value: text }] });
    });

    test('no representation goes back to a token that may not read', async () => {
      const answer = await trial.send(
        'transaction',
        [entry('POST Observation', observation('patient-01'))],
        scoped('c'),
      );
      expect(answer.entries).toMatchObject([{ response: { status: '201' } }]);
      expect(answer.entries[0]?.resource).toBeUndefined();
    });
  });

  describe('refused whole, and nothing of it reaches the server', () => {
    const good = () => [
      entry('POST Observation', observation('patient-01'), {}, urn(1)),
      entry(`PUT ${mine}`, observation('patient-01', { id: idOf(mine), status: 'amended' })),
      removal(),
    ];

    test.each<[string, AskedEntry, number]>([
      ['another patient’s is read', entry(`GET ${theirs}`), 404],
      ['another patient’s is updated', entry(`PUT ${theirs}`, observation('patient-01', { id: idOf(theirs) })), 404],
      ['another patient’s is patched', entry(`PATCH ${theirs}`, patch({ op: 'remove', path: '/code' })), 404],
      ['another patient’s is deleted', entry(`DELETE ${theirs}`), 404],
      ['something is created about another patient', entry('POST Observation', observation('patient-02')), 403],
      [
        'the own is given to another patient',
        entry('PUT Condition/condition-01-health-concern', {
          resourceType: 'Condition',
          id: 'condition-01-health-concern',
          subject: to('patient-02'),
        }),
        403,
      ],
      [
        'the own is given away by a patch',
        entry(
          'PATCH Condition/condition-01-health-concern',
          patch({ op: 'replace', path: '/subject', value: to('patient-02') }),
        ),
        403,
      ],
      ['what is shared is changed', entry('DELETE Practitioner/practitioner-01'), 403],
      [
        'a type that is not written',
        entry('POST Consent', { resourceType: 'Consent', patient: to('patient-01') }),
        403,
      ],
      ['a Binary', entry('POST Binary', { resourceType: 'Binary', contentType: 'text/html' }), 403],
      ['a subscription', entry('POST Subscription', { resourceType: 'Subscription' }), 403],
      ['an operation', entry('POST $reindex', { resourceType: 'Parameters' }), 403],
      ['a Bundle', entry('POST ', { resourceType: 'Bundle', type: 'transaction', entry: [] }), 403],
      ['a stale version', entry('DELETE Condition/condition-01-health-concern', undefined, { ifMatch: 'W/"9"' }), 412],
      ['what is not there', entry('DELETE Observation/none'), 404],
      ['an update that would create', entry('PUT Observation/none', observation('patient-01', { id: 'none' })), 404],
      ['a condition that means several', entry('DELETE Observation?status=final'), 412],
      ['a condition that cannot be checked', entry('DELETE Observation?date=2020'), 403],
      ['a verb that is none', entry(`BREW ${mine}`), 400],
      ['a FHIRPath Patch', entry(`PATCH ${mine}`, fhirPathPatch), 415],
      [
        'a reference by search',
        entry('POST Observation', observation('x', { subject: { reference: 'Patient?identifier=1' } })),
        400,
      ],
      ['a search that is not understood', entry('GET Observation?patient='), 403],
      ['the server’s own pages', entry('GET ?_getpages=1'), 403],
      ['a leading slash', entry(`DELETE /${theirs}`), 400],
      ['the body of another type', entry('POST Observation', { resourceType: 'Patient', id: 'patient-02' }), 400],
      ['the body of another id', entry(`PUT ${theirs}`, observation('patient-01', { id: idOf(mine) })), 400],
    ])('%s', async (_what, bad, status) => {
      const told = status === 400 ? 400 : unlessDeleting(status, [bad]);
      await expectRefused(told, [...good(), bad], { at: 3 });
      await expectRefused(told, [bad, ...good()], { at: 0 });
    });

    test('what is refused by the request alone is refused before anything is asked', async () => {
      const before = trial.guarded.hostile?.requests.length;
      const answer = await trial.send('transaction', [...good(), entry('POST Consent', { resourceType: 'Consent' })]);
      expect(answer.status).toBe(403);
      expect(trial.guarded.hostile?.requests.length).toBe(before);
    });

    test('an entry is told which scope would allow it', async () => {
      const answer = await expectRefused(403, good(), { token: scoped('ruds'), at: 0 });
      expect(answer.headers['www-authenticate']).toContain('scope="patient/Observation.c"');
    });

    test('what is hidden answers like what nobody has', async () => {
      const status = trial.deletes ? 404 : 403;
      const gone = await expectRefused(status, [...good(), entry('DELETE Observation/none')]);
      const hidden = await expectRefused(status, [...good(), entry(`DELETE ${theirs}`)]);
      expect(hidden).toEqual(gone);
    });
  });

  describe('entries that would change what another one means', () => {
    const refers = (reference: string) => observation('patient-01', { hasMember: [{ reference }] });

    test.each<[string, AskedEntry[]]>([
      [
        'the same resource twice',
        [entry(`DELETE ${mine}`), entry(`PUT ${mine}`, observation('patient-01', { id: idOf(mine) }))],
      ],
      [
        'once by its id and once by a condition',
        [entry(`DELETE ${mine}`), entry(`PUT Observation?_id=${idOf(mine)}`, observation('patient-01'))],
      ],
      [
        'two creations under one condition',
        [0, 1].map(() =>
          entry('POST Observation', observation('patient-01', { identifier: [{ value: '1' }] }), {
            ifNoneExist: 'identifier=1',
          }),
        ),
      ],
      [
        'a deletion of what another entry creates',
        [
          entry('POST Observation', observation('patient-01', { identifier: [{ value: '1' }] })),
          entry('DELETE Observation?identifier=1'),
        ],
      ],
      [
        'a condition that another entry’s update comes to meet',
        [
          entry(`PUT ${mine}`, observation('patient-01', { id: idOf(mine), identifier: [{ value: '1' }] })),
          entry('POST Observation', observation('patient-01', { identifier: [{ value: '1' }] }), {
            ifNoneExist: 'identifier=1',
          }),
        ],
      ],
      ['a name that no entry has', [entry('POST Observation', refers(urn(9)), {}, urn(1))]],
      [
        'a name of what is deleted',
        [entry(`DELETE ${mine}`, undefined, {}, urn(1)), entry('POST Observation', refers(urn(1)))],
      ],
      [
        'a name in other letters',
        [
          entry('POST Observation', observation('patient-01'), {}, urn(1)),
          entry('POST Observation', refers(urn(1).toUpperCase().replace('URN:UUID', 'urn:uuid').replace('4E', '4e'))),
        ],
      ],
      [
        'a name within a text',
        [entry('POST Observation', observation('patient-01', { note: [{ text: `see ${urn(1)}` }] }), {}, urn(1))],
      ],
      [
        'a name in a narrative',
        [
          entry(
            'POST Observation',
            observation('patient-01', { text: { div: `<a href="${encodeURIComponent(urn(1))}">x</a>` } }),
            {},
            urn(1),
          ),
        ],
      ],
      ['a name and more', [entry('POST Observation', refers(`${urn(1)}/_history/1`), {}, urn(1))]],
      [
        'the URL of another patient’s resource as the name of a creation',
        [
          entry('POST Observation', observation('patient-01'), {}, `${BASE}/${theirs}`),
          entry('POST Provenance', provenance(theirs)),
        ],
      ],
      [
        'the URL of a patient as the name of a creation',
        [entry('POST Observation', observation('patient-01'), {}, `${BASE}/Patient/patient-02`)],
      ],
      [
        'the URL of another resource as the name of an update',
        [entry(`PUT ${mine}`, observation('patient-01', { id: idOf(mine) }), {}, `${BASE}/${other}`)],
      ],
    ])('%s is refused', async (_what, entries) => {
      await expectRefused(unlessDeleting(400, entries), entries);
    });

    test('a provenance is judged by what its targets will be', async () => {
      const given = observation('patient-02', { id: idOf(mine) });
      // It would be about what is deleted, or about another patient’s.
      const ofDeleted = [entry('POST Provenance', provenance(mine)), entry(`DELETE ${mine}`)];
      await expectRefused(403, ofDeleted, { at: trial.deletes ? 0 : 1 });
      await expectRefused(403, [
        entry('POST Provenance', provenance(urn(1))),
        entry('POST Observation', observation('patient-02'), {}, urn(1)),
      ]);
      await expectRefused(403, [entry('POST Provenance', provenance(mine)), entry(`PUT ${mine}`, given)]);
      await expectRefused(
        403,
        [
          entry('POST Provenance', provenance(urn(1), theirs)),
          entry('POST Observation', observation('patient-01'), {}, urn(1)),
        ],
        { at: 0 },
      );
      const made = await trial.send('transaction', [
        entry('POST Provenance', provenance(urn(1))),
        entry('POST Observation', observation('patient-01'), {}, urn(1)),
      ]);
      expect(trial.statuses(made)).toEqual(['201', '201']);
    });

    test('a creation that calls itself the token’s patient is not that patient', async () => {
      const patient = entry('POST Patient', { resourceType: 'Patient', id: 'patient-01' }, {}, urn(1));
      const about = entry('POST Observation', { ...observation('x'), subject: { reference: urn(1) } });
      await expectRefused(403, [patient, about]);
      await expectRefused(403, [about, patient]);
      // Named by an entry that is the patient’s own record, it is about them.
      const itself = entry(
        'PUT Patient/patient-01',
        { resourceType: 'Patient', id: 'patient-01', active: true },
        {},
        urn(1),
      );
      const made = await trial.send('transaction', [itself, about]);
      expect(trial.statuses(made)).toEqual(['200', '201']);
      expect(await trial.there(`Observation/${createdIn(made, 1)}`)).toMatchObject({ subject: to('patient-01') });
    });
  });
});

describe('servers that carry out no transaction as a whole', () => {
  const [, listen] = guardedServers[1] ?? [];
  const entries = [
    entry('POST Observation', observation('patient-01')),
    entry(`PUT ${mine}`, observation('patient-01', { id: idOf(mine) })),
  ];

  test.each(['piecemeal', 'heedless', 'none'] as const)(
    '%s: none is sent there, a batch is carried out, and no probe stays',
    async (how) => {
      if (!listen) throw new Error('no hostile server');
      const trial = await BundleTrial.start(listen);
      const { hostile } = trial.guarded;
      if (!hostile) throw new Error('no hostile server');
      hostile.transactions = how;
      const answer = await trial.send('transaction', entries);
      expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('does not carry out transactions')]);
      expect((await trial.send('transaction', [entry(`GET ${mine}`)])).status).toBe(200);
      const keys = () =>
        hostile
          .holds()
          .map(({ resourceType, id }) => `${resourceType}/${id}`)
          .sort();
      expect(keys()).toEqual(data.map(({ resourceType, id }) => `${resourceType}/${id}`).sort());
      expect(trial.statuses(await trial.send('batch', entries))).toEqual(['201', '200']);
      await trial.close();
    },
  );

  test('one that stops to keep them is not believed', async () => {
    if (!listen) throw new Error('no hostile server');
    const trial = await BundleTrial.start(listen);
    const { hostile } = trial.guarded;
    if (!hostile) throw new Error('no hostile server');
    expect((await trial.send('transaction', entries)).status).toBe(200);
    hostile.transactions = 'none';
    const answer = await trial.send('transaction', entries);
    expect([answer.status, answer.entries]).toEqual([404, []]);
    expectNothingForeign(answer);
    await trial.close();
  });
});
