import fc from 'fast-check';
import { parseExactly } from '#smart';
import {
  anyData,
  anyRequest,
  anyWrite,
  anyWritingToken,
  type ModelRequest,
  type ModelWrite,
  types,
} from './arbitraries.js';
import { type AskedEntry, entry } from './bundle-trial.js';
import { GatewayInProcess, type SeenAnswer } from './gateway-in-process.js';
import { hiddenApart } from './hidden-apart.js';
import { isAllowed, type ModelResource, type ModelToken, namesOnlySeen, sees } from './model.js';
import { masked, serversInProcess } from './sandbox-in-process.js';
import { entryOf, sendWrite, urlOf } from './send-asked.js';
import { carriedOut, type Data, isMeant, mayWrite, plainly, prepare, type Prepared } from './write-model.js';

/** `CASES=10000 npm run test:unit -- test/enforcement` is the long run. */
const CASES = Number(process.env['CASES'] ?? 500);
const LONGEST_MS = 60_000 + CASES * 400;
type Asked = { readonly read: ModelRequest } | { readonly write: ModelWrite };
const anyAsked: fc.Arbitrary<Asked> = fc.oneof(
  { weight: 2, arbitrary: anyWrite.map((write) => ({ write })) },
  anyRequest.map((read) => ({ read: { ...read, post: false } })),
);
const several = fc.array(anyAsked, { minLength: 1, maxLength: 5 });
const urnOf = (at: number) => `urn:uuid:00000000-0000-4000-8000-00000000000${at}`;

/** Some refer to what another entry writes: to an Observation, from a Provenance or an Observation. */
const severalLinked = fc
  .tuple(fc.array(anyAsked, { minLength: 1, maxLength: 5 }), fc.array(fc.nat(4), { minLength: 5, maxLength: 5 }))
  .map(([all, links]) =>
    all.map((asked, at): Asked => {
      const other = links[at] ?? 0;
      const named = all[other];
      if (!('write' in asked) || !named || !('write' in named) || named.write.type !== 'Observation') return asked;
      const { write } = asked;
      if (!['create', 'update'].includes(write.kind) || !['create', 'update'].includes(named.write.kind)) return asked;
      const target = { reference: urnOf(other) };
      if (write.type === 'Provenance') return { write: { ...write, body: { ...write.body, target: [target] } } };
      if (write.type === 'Observation') return { write: { ...write, body: { ...write.body, hasMember: [target] } } };
      return asked;
    }),
  );

/** Something that is the patient's own, and where it comes from, beside others. */
const ownLinked = severalLinked.map((all): readonly Asked[] => {
  const at = Math.min(all.length, 3);
  const own = { resourceType: 'Observation', status: 'final', subject: { reference: 'Patient/p1' } };
  const from = { resourceType: 'Provenance', target: [{ reference: urnOf(at) }] };
  const made = (body: { readonly resourceType: string }): Asked => ({
    write: { kind: 'create', type: body.resourceType, id: 'none', body, patched: ['language', 'en'] },
  });
  return [
    ...all.slice(0, at === 3 ? 0 : at),
    ...Array.from({ length: at === 3 ? 3 : 0 }, () => made(own)),
    made(own),
    made(from),
  ];
});
/** Of one type, so that some are about one resource, or about what another one makes. */
const crowded = fc.array(
  anyWrite.filter(({ type }) => type === 'Observation').map((write): Asked => ({ write })),
  { minLength: 2, maxLength: 3 },
);
const anyTransaction = fc.oneof(
  { weight: 3, arbitrary: severalLinked },
  { weight: 1, arbitrary: ownLinked },
  { weight: 2, arbitrary: crowded },
);
const anyWriter = fc.oneof(
  { weight: 3, arbitrary: anyWritingToken },
  {
    weight: 1,
    arbitrary: fc.constantFrom<ModelToken>(
      {
        scopes: [{ context: 'patient', type: '*', letters: 'cruds', conditions: [] }],
        patient: 'p1',
        fhirUser: 'Patient/p1',
      },
      { scopes: [{ context: 'system', type: '*', letters: 'cruds', conditions: [] }] },
    ),
  },
);

const asEntry = (asked: Asked, at: number) =>
  'write' in asked ? entryOf(asked.write, urnOf(at)) : entry(`GET ${urlOf(asked.read)}`);

interface Answered {
  readonly resource?: ModelResource;
  readonly response: {
    readonly status: string;
    readonly outcome?: object;
    readonly location?: string;
    readonly etag?: string;
  };
}
const entriesIn = ({ text }: SeenAnswer) =>
  (parseExactly(text) as { readonly entry?: readonly Answered[] }).entry ?? [];
/** Sealed places are new at each call. */
const unsealed = (text: string) => text.replaceAll(/_page=[\w-]+/g, '_page=');

/** The statuses of a transaction's entries and what there is afterwards; or one status, and nothing of it was done. */
function expectedOf(token: ModelToken, data: Data, all: readonly Asked[]) {
  const refused = (status: number) => ({ status, after: data });
  for (const asked of all)
    if ('write' in asked ? !mayWrite(token, asked.write) : !isAllowed(token, asked.read)) return refused(403);

  // Each by itself, on what was there before.
  const prepared = all.map((asked, at): Prepared | undefined =>
    'write' in asked ? prepare(token, data, asked.write, `new-${at}`) : undefined,
  );
  for (const it of prepared) if (it?.kind === 'refused') return refused(it.status);

  // No two about one resource.
  const keys = prepared.flatMap((it) => {
    const about = it?.kind === 'write' ? it.before : it?.kind === 'done' ? it.found : undefined;
    return about ? [`${about.resourceType}/${about.id}`] : [];
  });
  if (new Set(keys).size < keys.length) return refused(400);

  // A name is that of something that is there afterwards.
  const named = new Map(
    prepared.flatMap((it, at): [string, string][] => {
      const meant = it?.kind === 'write' ? it.after : it?.kind === 'done' ? it.found : undefined;
      return meant ? [[urnOf(at), `${meant.resourceType}/${meant.id}`]] : [];
    }),
  );
  const linked = prepared.map((it): Prepared | undefined => {
    if (it?.kind !== 'write' || !it.after) return it;
    const text = [...named].reduce((all, [urn, key]) => all.replaceAll(urn, key), JSON.stringify(it.after));
    return { ...it, after: parseExactly(text) as ModelResource };
  });
  if (linked.some((it) => it?.kind === 'write' && JSON.stringify(it.after ?? null).includes('"reference":"urn:')))
    return refused(400);

  // No condition is met by what another entry makes.
  for (const [at, asked] of all.entries()) {
    const { condition, type } = 'write' in asked ? asked.write : { condition: undefined, type: '' };
    const makes = linked.flatMap((it, other) => (other !== at && it?.kind === 'write' && it.after ? [it.after] : []));
    if (condition && makes.some((it) => it.resourceType === type && isMeant(it, condition))) return refused(400);
  }

  // All states after are judged among all states after.
  const after = linked.reduce<Data>((there, it) => (it ? carriedOut(there, it) : there), data);
  for (const it of linked)
    if (
      it?.kind === 'write' &&
      it.after &&
      !(sees(token, it.after, it.letter, after) && namesOnlySeen(token, it.after, data))
    )
      return refused(403);

  const isRead = ({ kind, type, id }: ModelRequest, there: Data) =>
    kind !== 'read' || there.some((it) => it.resourceType === type && it.id === id && sees(token, it, 'r', there));
  for (const asked of all) if ('read' in asked && !isRead(asked.read, data)) return refused(404);
  const statuses = all.map((asked, at) =>
    'read' in asked ? (isRead(asked.read, after) ? 200 : 404) : (linked[at]?.status ?? 0),
  );
  return { status: 200, after, statuses };
}

describe.each(serversInProcess(types))('before %s', (_name, upstream, cost) => {
  const gateway = new GatewayInProcess(upstream);
  const seen = { carriedOut: 0, refused: 0, linked: 0 };
  beforeAll(async () => {
    await gateway.start();
    // The server is asked once what it keeps: after that its ids are the same in each run.
    await upstream.holds([{ resourceType: 'Patient', id: 'p1' }]);
    const all: ModelToken = { scopes: [{ context: 'system', type: '*', letters: 'cruds', conditions: [] }] };
    const answer = await post(all, 'transaction', [entry('POST Observation', { resourceType: 'Observation' })]);
    expect(answer.status).toBe(200);
  });
  afterAll(async () => await gateway.close());

  const numRuns = Math.ceil(CASES / cost);

  async function post(token: ModelToken, type: string, entries: readonly AskedEntry[]): Promise<SeenAnswer> {
    return await gateway.call(token, '/', {
      method: 'POST',
      body: JSON.stringify({ resourceType: 'Bundle', type, entry: entries }),
      headers: { 'content-type': 'application/fhir+json', prefer: 'return=representation' },
    });
  }

  test(
    'each entry of a batch is answered, and changes what there is, as the call by itself',
    async () => {
      await fc.assert(
        fc.asyncProperty(anyData, anyWritingToken, several, async (data, token, all) => {
          const server = await upstream.holds(data);
          const answer = await post(token, 'batch', all.map(asEntry));
          expect(answer.status).toBe(200);
          const entries = entriesIn(answer);
          expect(entries).toHaveLength(all.length);
          const afterBatch = await server.holds();

          const alone = await upstream.holds(data);
          for (const [at, asked] of all.entries()) {
            const by =
              'write' in asked
                ? await sendWrite(gateway, token, asked.write)
                : await gateway.call(token, `/${urlOf(asked.read)}`);
            const { resource, response } = entries[at] ?? { response: { status: '' } };
            expect(response.status).toBe(String(by.status));
            const body: unknown = by.text === '' ? undefined : parseExactly(unsealed(by.text));
            const given = resource ?? response.outcome;
            expect(given && parseExactly(unsealed(masked(given)))).toEqual(body && parseExactly(masked(body)));
            expect(masked([response.location])).toBe(masked([by.headers['location']]));
            expect(response.etag).toBe(by.headers['etag']);
          }
          expect(masked(await alone.holds())).toBe(masked(afterBatch));
        }),
        { numRuns },
      );
    },
    LONGEST_MS,
  );

  test(
    'a transaction is what its entries make of what there was, all together, or nothing',
    async () => {
      await fc.assert(
        fc.asyncProperty(anyData, anyWriter, anyTransaction, async (data, token, all) => {
          const server = await upstream.holds(data);
          const answer = await post(token, 'transaction', all.map(asEntry));
          const should = expectedOf(token, data, all);
          expect(answer.status).toBe(should.status);
          expect(plainly(await server.holds())).toEqual(
            plainly(upstream.losesDigits ? asItKeeps(should.after) : should.after),
          );
          if (!('statuses' in should)) {
            seen.refused++;
            expect(entriesIn(answer)).toEqual([]);
            return;
          }
          seen.carriedOut++;
          if (all.some((it) => 'write' in it && JSON.stringify(it.write.body).includes('urn:uuid:0'))) seen.linked++;
          const entries = entriesIn(answer);
          expect(entries.map(({ response }) => Number(response.status))).toEqual(should.statuses);
          const now = await server.holds();
          for (const [at, asked] of all.entries()) {
            const { resource } = entries[at] ?? {};
            if ('read' in asked) {
              // It is answered from what is there afterwards.
              const { text } = await gateway.call(token, `/${urlOf(asked.read)}`);
              const given = resource ?? entries[at]?.response.outcome;
              expect(unsealed(JSON.stringify(given))).toEqual(unsealed(JSON.stringify(parseExactly(text))));
            } else if (resource) {
              expect(sees(token, resource, 'r', now)).toBe(true);
              expect(now).toContainEqual(resource);
            }
          }
        }),
        { numRuns },
      );
      // What is drawn is worth drawing.
      expect(Math.min(seen.carriedOut, seen.refused, seen.linked)).toBeGreaterThan(0);
    },
    LONGEST_MS,
  );

  test.each(['batch', 'transaction'])(
    'what the token does not reach changes no byte of the answer to a %s',
    async (type) => {
      await fc.assert(
        fc.asyncProperty(anyData, anyData, anyWriter, anyTransaction, async (data, others, token, all) => {
          const isHidden = (it: ModelResource, there: Data) =>
            ![...'rsud'].some((letter) => sees(token, it, letter, there));
          const changed = hiddenApart(data, others, isHidden);

          await upstream.holds(data);
          const before = await post(token, type, all.map(asEntry));
          await upstream.holds(changed);
          const after = await post(token, type, all.map(asEntry));
          expect(masked({ ...after, text: unsealed(after.text) })).toBe(
            masked({ ...before, text: unsealed(before.text) }),
          );
        }),
        { numRuns },
      );
    },
    LONGEST_MS,
  );
});

/** A server that reads numbers as JavaScript does: of one that is too large for them (`1e400`) it keeps nothing. */
function asItKeeps(data: Data): Data {
  return JSON.parse(JSON.stringify(data), (_name, value: unknown) => (value === null ? undefined : value)) as Data;
}
