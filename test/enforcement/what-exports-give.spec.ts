import fc from 'fast-check';
import { parseExactly, type WithholdingRule } from '#smart';
import { AdmittingGateways, anyAdmission } from './admitting.js';
import { anyData, anyToken, someRules, types, writeScope } from './arbitraries.js';
import { GROUP, isExportable, isLine, isWhole, type ModelExport, seesGroup, typesOf } from './export-model.js';
import { GatewayInProcess, type SeenAnswer } from './gateway-in-process.js';
import { hiddenApart } from './hidden-apart.js';
import type { ModelResource, ModelScope, ModelToken } from './model.js';
import { type ServerInProcess, serversInProcess } from './sandbox-in-process.js';

/** `CASES=10000 npm run test:unit -- test/enforcement/what` is the long run. */
const CASES = Number(process.env['CASES'] ?? 500);
const LONGEST_MS = 60_000 + CASES * 400;

const async = { prefer: 'respond-async', accept: 'application/fhir+json' };
const exportedTypes = [...types, 'Group'];

interface Manifest {
  readonly output: readonly { readonly type: string; readonly url: string }[];
}

const system = (type: string, letters = 'rs'): ModelScope => ({ context: 'system', type, letters, conditions: [] });

/** What backends have; some of it beside what counts for no export; and that alone. */
const anyExporter: fc.Arbitrary<ModelToken> = fc
  .record({
    token: anyToken,
    of: fc.constantFrom<'a backend' | 'both' | 'a user'>('a backend', 'a backend', 'both', 'a user'),
    seesGroups: fc.boolean(),
  })
  .map(({ token, of, seesGroups }) => {
    const backends = token.scopes.map((scope): ModelScope => ({ ...scope, context: 'system' }));
    const own = { 'a backend': backends, both: [...backends.slice(-1), ...token.scopes], 'a user': token.scopes };
    const all = [...own[of], ...(seesGroups ? [system('Group', 'r')] : [])];
    const scopes = all.filter((it, at) => at === all.findIndex((other) => writeScope(other) === writeScope(it)));
    return { ...token, scopes };
  });

const anyExport: fc.Arbitrary<ModelExport> = fc.record(
  {
    level: fc.constantFrom('system', 'system', 'patient', 'group'),
    types: fc.array(fc.constantFrom('Observation', 'Patient', 'Condition', ...exportedTypes), {
      minLength: 1,
      maxLength: 3,
    }),
  },
  { requiredKeys: ['level'] },
);

const anyGroup: fc.Arbitrary<ModelResource> = fc
  .array(
    fc.record({
      entity: fc.constantFrom('p1', 'p2', 'p3').map((id) => ({ reference: `Patient/${id}` })),
      more: fc.constantFrom({}, {}, { inactive: true }, { period: { end: '2001-01-01' } }),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((members) => ({
    resourceType: 'Group',
    id: GROUP,
    type: 'person',
    actual: true,
    member: members.map(({ entity, more }) => ({ entity, ...more })),
  }));
const anyDataWithGroup = fc.tuple(anyData, anyGroup).map(([data, group]) => [...data, group]);

const anyAdmittedExporter = fc
  .tuple(anyExporter, anyAdmission)
  .map(([token, admitted]): ModelToken => ({ ...token, admitted }));

describe.each(serversInProcess(exportedTypes))('exports before %s', (_name, upstream, cost) => {
  const cases = (share: number) => Math.ceil((CASES * share) / cost);
  const plain = new GatewayInProcess(upstream);
  const withholding = new Map(
    someRules.map((rules) => {
      const named = rules.map((it, index) => ({ name: `rule ${index}`, ...it }) as WithholdingRule);
      return [rules, new GatewayInProcess(upstream, named)];
    }),
  );
  const admitting = new AdmittingGateways(upstream);
  const gateways = [plain, ...withholding.values(), ...admitting.all];
  beforeAll(async () => await Promise.all(gateways.map(async (it) => await it.start())));
  afterAll(async () => await Promise.all(gateways.map(async (it) => await it.close())));

  function gatewayFor({ withheld, admitted }: ModelToken): GatewayInProcess {
    return (withheld && withholding.get(withheld)) ?? (admitted ? admitting.where(admitted) : plain);
  }

  const pathOf = ({ level }: ModelExport) =>
    ({ system: '/$export', patient: '/Patient/$export', group: `/Group/${GROUP}/$export` })[level];
  const targetOf = (asked: ModelExport) => `${pathOf(asked)}${asked.types ? `?_type=${asked.types.join(',')}` : ''}`;

  /** How it stands, when it is no more at work. */
  async function stands(at: GatewayInProcess, token: ModelToken, status: string): Promise<SeenAnswer> {
    for (;;) {
      const answer = await at.call(token, status);
      if (answer.status !== 202) return answer;
    }
  }

  const manifestIn = ({ text }: SeenAnswer) => JSON.parse(text) as Manifest;
  const linesIn = (text: string) =>
    text.split('\n').flatMap((it) => (it.trim() === '' ? [] : [parseExactly(it) as ModelResource]));
  const sorted = (lines: readonly ModelResource[]) => lines.map((it) => JSON.stringify(it)).sort();

  /** What the server exports for anybody, file by file. */
  async function unrestricted(
    server: ServerInProcess,
    asked: ModelExport,
    given: readonly string[] | 'any',
  ): Promise<readonly { readonly type: string; readonly lines: readonly ModelResource[] }[]> {
    const wanted = given === 'any' ? '' : `?_type=${given.join(',')}`;
    const below = (url = '') => url.slice(upstream.base.length);
    const { headers } = await server.handle({ method: 'GET', target: `${pathOf(asked)}${wanted}` });
    const status = below(headers['content-location']);
    let answer = await server.handle({ method: 'GET', target: status });
    while (answer.status === 202) answer = await server.handle({ method: 'GET', target: status });
    const files: { type: string; lines: readonly ModelResource[] }[] = [];
    for (const { type, url } of (JSON.parse(answer.body) as Manifest).output) {
      const { body } = await server.handle({ method: 'GET', target: below(url) });
      files.push({ type, lines: linesIn(body).filter(({ resourceType }) => resourceType === type) });
    }
    await server.handle({ method: 'DELETE', target: status });
    return files;
  }

  /** Begins an export with one token, and looks at it with another of the same application. */
  async function check(
    data: readonly ModelResource[],
    [beginner, reader]: readonly [ModelToken, ModelToken],
    asked: ModelExport,
  ): Promise<void> {
    const server = await upstream.holds(data);
    const at = gatewayFor(beginner);
    const given = typesOf(beginner, asked);
    const begun = await at.call(beginner, targetOf(asked), { headers: async });
    if (!given) return void expect(begun.status).toBe(403);
    if (asked.level === 'group' && !seesGroup(beginner, data)) return void expect(begun.status).toBe(404);
    expect(begun.status).toBe(202);
    const status = begun.headers['content-location'] ?? '';
    const there = await unrestricted(server, asked, given);

    const own = await stands(at, beginner, status);
    expect(own.status).toBe(200);
    checkManifest(own, beginner, asked, given, there);
    const read = await stands(at, reader, status);
    const givenToReader = typesOf(reader, asked);
    if (!givenToReader) expect(read.status).toBe(403);
    else checkManifest(read, reader, asked, givenToReader, there);
    for (const type of new Set(manifestIn(own).output.map((it) => it.type))) {
      const urls = manifestIn(own).output.flatMap((it) => (it.type === type ? [it.url] : []));
      for (const token of new Set([beginner, reader])) await checkFiles(at, token, asked, type, urls);
    }

    expect((await at.call(beginner, status, { method: 'DELETE' })).status).toBe(202);

    async function checkFiles(
      gateway: GatewayInProcess,
      token: ModelToken,
      of: ModelExport,
      type: string,
      urls: readonly string[],
    ): Promise<void> {
      const lines: ModelResource[] = [];
      for (const url of urls) {
        const file = await gateway.call(token, url);
        if (!typesOf(token, { ...of, types: [type] })) expect(file.status).toBe(403);
        else if (of.level === 'group' && !seesGroup(token, data)) expect(file.status).toBe(404);
        else if (isWhole(token, type, of.level) !== isWhole(beginner, type, of.level)) expect(file.status).toBe(404);
        else {
          expect(file.status).toBe(200);
          expect(file.text).not.toMatch(/(hostile|sandbox)\.internal/);
          lines.push(...linesIn(file.text));
          continue;
        }
        return;
      }
      const expected = there.flatMap((it) => (it.type === type ? it.lines : []));
      expect(sorted(lines)).toEqual(sorted(expected.filter((it) => isLine(token, of, it, data))));
    }
  }

  /** Which files are offered tells of nothing that is hidden: one of each type that is seen in part, or all of the server's. */
  function checkManifest(
    answer: SeenAnswer,
    token: ModelToken,
    { level }: ModelExport,
    given: readonly string[] | 'any',
    there: readonly { readonly type: string }[],
  ): void {
    const offered = Map.groupBy(manifestIn(answer).output, ({ type }) => type);
    const server = Map.groupBy(there, ({ type }) => type);
    const known = given === 'any' ? [...server.keys()].filter((it) => exportedTypes.includes(it)) : given;
    const counts = known
      .filter((type) => isExportable(token, type, level))
      .map((type) => [type, isWhole(token, type, level) ? (server.get(type)?.length ?? 0) : 1] as const)
      .filter(([, count]) => count > 0);
    expect(new Map([...offered].map(([type, files]) => [type, files.length]))).toEqual(new Map(counts));
  }

  const twoTokens = fc
    .tuple(anyExporter, fc.option(anyExporter))
    .map(([one, other]): readonly [ModelToken, ModelToken] => [one, other ?? one]);
  const each = ([one, other]: readonly [ModelToken, ModelToken], of: (token: ModelToken) => ModelToken) => {
    const first = of(one);
    return [first, one === other ? first : of(other)] as const;
  };

  /** Holds an export against the model, by tokens that something is set of. */
  async function holdsFor<T>(any: fc.Arbitrary<T>, set: (token: ModelToken, of: T) => ModelToken): Promise<void> {
    await fc.assert(
      fc.asyncProperty(anyDataWithGroup, twoTokens, anyExport, any, async (data, tokens, asked, of) => {
        await check(
          data,
          each(tokens, (token) => set(token, of)),
          asked,
        );
      }),
      { numRuns: cases(1 / 2) },
    );
  }

  test(
    'lines are what there is, cut down to what the token sees that asks for them',
    async () => await holdsFor(fc.constant(undefined), (token) => token),
    LONGEST_MS,
  );

  test(
    'lines are what no rule withholds of it',
    async () => await holdsFor(fc.constantFrom(...someRules), (token, withheld) => ({ ...token, withheld })),
    LONGEST_MS,
  );

  test(
    'lines are of those to whom the application is admitted',
    async () => await holdsFor(anyAdmission, (token, admitted) => ({ ...token, admitted })),
    LONGEST_MS,
  );

  /** All that a caller is told of an export: which of a type's files a line stands in is the server's affair. */
  async function told(token: ModelToken, asked: ModelExport): Promise<unknown> {
    const at = gatewayFor(token);
    const begun = await at.call(token, targetOf(asked), { headers: async });
    const status = begun.headers['content-location'];
    if (status === undefined) return begun;
    const manifest = await stands(at, token, status);
    const files: unknown[] = [];
    const lines: ModelResource[] = [];
    for (const { type, url } of manifestIn(manifest).output) {
      const { text, ...rest } = await at.call(token, url);
      files.push([type, rest]);
      lines.push(...linesIn(text));
    }
    await at.call(token, status, { method: 'DELETE' });
    const { text, headers } = manifest;
    const shown = { begun, manifest: { headers, text: text.replace(/"transactionTime":"[^"]+"/, '') } };
    return { ...masked(shown), files, lines: sorted(lines) };
  }

  /** A sealed place is another at every call; as long as it must be, but for where the server keeps the export. */
  function masked(shown: object): object {
    return JSON.parse(JSON.stringify(shown).replaceAll(/_job=[\w-]+/g, '_job=')) as object;
  }

  test.each<[string, fc.Arbitrary<ModelToken>]>([
    ['what the token does not see', anyExporter],
    ['what is of patients to whom the application is not admitted', anyAdmittedExporter],
  ])(
    '%s changes nothing that is told',
    async (_what, tokens) => {
      await fc.assert(
        fc.asyncProperty(
          anyDataWithGroup,
          anyData,
          tokens,
          anyExport,
          fc.infiniteStream(fc.boolean()),
          async (data, others, token, asked, keep) => {
            // Servers export the records of those patients whom they have: who is one has to stay the same (docs/adr/0043).
            const says = asked.level === 'system' ? ['Group'] : ['Group', 'Patient'];
            const isHidden = (it: ModelResource, all: readonly ModelResource[]) =>
              !says.includes(it.resourceType) && !isLine(token, { level: 'system' }, it, all);
            const changed = hiddenApart(data, others, isHidden, () => keep.next().value === true);

            await upstream.holds(data);
            const before = await told(token, asked);
            await upstream.holds(changed);
            expect(await told(token, asked)).toEqual(before);
          },
        ),
        { numRuns: cases(1 / 2) },
      );
    },
    LONGEST_MS,
  );
});
