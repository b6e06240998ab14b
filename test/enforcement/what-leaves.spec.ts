import fc from 'fast-check';
import { parseExactly, type WithholdingRule } from '#smart';
import { AdmittingGateways, anyAdmission } from './admitting.js';
import { anyData, anyRequest, anyToken, type ModelRequest, someRules, types } from './arbitraries.js';
import { GatewayInProcess, HostileUpstream, type SeenAnswer } from './gateway-in-process.js';
import { hiddenApart, keyOf } from './hidden-apart.js';
import { PointInProcess } from './point-in-process.js';
import { isAllowed, type ModelResource, type ModelRule, type ModelToken, namedBy, sees, valuesOf } from './model.js';
import { type ServerInProcess, serversInProcess } from './sandbox-in-process.js';

/** `CASES=10000 npm run test:unit -- test/enforcement` is the long run. */
const CASES = Number(process.env['CASES'] ?? 500);
const LONGEST_MS = 60_000 + CASES * 200;

describe.each(serversInProcess(types))('before %s', (_name, upstream, cost) => {
  // So that what is looked for is on several of its pages.
  if (upstream instanceof HostileUpstream) upstream.mostAtOnce = 2;
  const cases = (share = 1) => Math.ceil((CASES * share) / cost);
  const byRules = new GatewayInProcess(upstream);
  const point = new PointInProcess();
  const byPoint = new GatewayInProcess(upstream, [], [], {}, [], point.rights);
  /** Before each of them some is withheld. */
  const named = (rules: readonly ModelRule[]) =>
    rules.map((it, index) => ({ name: `rule ${index}`, ...it }) as WithholdingRule);
  const withholding = new Map(someRules.map((rules) => [rules, new GatewayInProcess(upstream, named(rules))]));
  const withholdingByPoint = new Map(
    [...withholding.keys()].map((rules) => [
      rules,
      new GatewayInProcess(upstream, named(rules), [], {}, [], point.rights),
    ]),
  );
  const admitting = new AdmittingGateways(upstream);
  const gateways = [byRules, byPoint, ...withholding.values(), ...withholdingByPoint.values(), ...admitting.all];
  beforeAll(async () => await Promise.all(gateways.map(async (it) => await it.start())));
  afterAll(async () => await Promise.all(gateways.map(async (it) => await it.close())));

  /** The gateway that a token is presented to: that of a decision point, where that one says what the user may see. */
  function gatewayFor({ lets, withheld, admitted }: ModelToken): GatewayInProcess {
    if (admitted) return admitting.where(admitted);
    if (lets) point.lets = lets;
    const restrained = withheld && (lets ? withholdingByPoint : withholding).get(withheld);
    return restrained ?? (lets ? byPoint : byRules);
  }

  interface Entry {
    readonly resource: ModelResource;
    readonly search: { readonly mode: string };
  }
  interface Bundle {
    readonly total?: number;
    readonly entry?: readonly Entry[];
    readonly link: readonly { readonly relation: string; readonly url: string }[];
  }

  const inMode = ({ entry = [] }: Bundle, mode: string) =>
    entry.filter(({ search }) => search.mode === mode).map(({ resource }) => resource);
  const queryOf = (params: ModelRequest['params']) =>
    params.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');

  async function ask(token: ModelToken, { kind, type, id, params, post }: ModelRequest): Promise<SeenAnswer> {
    if (kind === 'read') return await gatewayFor(token).call(token, `/${type}/${id}`);
    if (post)
      return await gatewayFor(token).call(token, `/${type}/_search`, {
        method: 'POST',
        body: new URLSearchParams(queryOf(params)),
      });
    return await gatewayFor(token).call(token, `/${type}${params.length > 0 ? `?${queryOf(params)}` : ''}`);
  }

  /** What the server finds for anybody. */
  async function unrestricted(server: ServerInProcess, { type, params }: ModelRequest): Promise<Bundle> {
    const asked = params.filter(([name]) => !['_count', '_total', '_summary'].includes(name));
    const answer = await server.handle({
      method: 'GET',
      target: `/${type}?${queryOf([...asked, ['_count', '1000']])}`,
    });
    return parseExactly(answer.body) as Bundle;
  }

  async function everyPage(token: ModelToken, first: SeenAnswer): Promise<readonly Bundle[]> {
    const pages = [parseExactly(first.text) as Bundle];
    for (;;) {
      const next = pages.at(-1)?.link.find(({ relation }) => relation === 'next');
      if (!next) return pages;
      const answer = await gatewayFor(token).call(token, next.url);
      expect(answer.status).toBe(200);
      pages.push(parseExactly(answer.text) as Bundle);
    }
  }

  async function checkRead(
    token: ModelToken,
    data: readonly ModelResource[],
    { type, id }: ModelRequest,
    answer: SeenAnswer,
    server: ServerInProcess,
  ): Promise<void> {
    const there = data.find((it) => it.resourceType === type && it.id === id);
    if (there && sees(token, there, 'r', data)) {
      expect(answer.status).toBe(200);
      const { body } = await server.handle({ method: 'GET', target: `/${type}/${id}` });
      expect(JSON.stringify(parseExactly(answer.text))).toBe(JSON.stringify(parseExactly(body)));
    } else expect(answer.status).toBe(404);
  }

  async function checkSearch(
    token: ModelToken,
    data: readonly ModelResource[],
    request: ModelRequest,
    answer: SeenAnswer,
    server: ServerInProcess,
  ): Promise<void> {
    expect(answer.status).toBe(200);
    expect(answer.text).not.toMatch(/(hostile|sandbox)\.internal/);
    const found = await unrestricted(server, request);
    const expected = inMode(found, 'match').filter((it) => sees(token, it, 's', data));
    const pages = await everyPage(token, answer);
    const [first] = pages;
    const valueOf = (name: string) => request.params.find(([it]) => it === name)?.[1];
    if (valueOf('_total') === 'accurate') expect(first?.total).toBe(expected.length);
    for (const { total } of pages) if (total !== undefined) expect(total).toBe(expected.length);
    if (valueOf('_summary') === 'count' || valueOf('_count') === '0') {
      expect(first).toMatchObject({ total: expected.length });
      expect(first?.entry).toBeUndefined();
      return;
    }
    const matches = pages.map((page) => inMode(page, 'match'));
    expect(matches.flat().map(keyOf).sort()).toEqual(expected.map(keyOf).sort());
    // Each with every digit that it has, unless less of it was asked for.
    const isWhole = valueOf('_elements') === undefined && valueOf('_summary') === undefined;
    const byKey = (all: readonly ModelResource[]) => new Map(all.map((it) => [keyOf(it), JSON.stringify(it)]));
    if (isWhole) expect(byKey(matches.flat())).toEqual(byKey(expected));
    const size = Number(valueOf('_count') ?? 50);
    matches.forEach((page, index) => {
      if (index < matches.length - 1) expect(page).toHaveLength(size);
      else expect(page.length > 0 || index === 0).toBe(true);
    });

    const upstreamMatches = inMode(found, 'match').map(keyOf);
    pages.forEach((page) => {
      const included = inMode(page, 'include').map(keyOf);
      const reached = includable(token, data, request, inMode(page, 'match'));
      expect(included.filter((it) => !reached.includes(it))).toEqual([]);
      expect(reached.filter((it) => !included.includes(it) && !upstreamMatches.includes(it))).toEqual([]);
    });
  }

  /** What hangs on these matches by an include of the request, and is seen. */
  function includable(
    token: ModelToken,
    data: readonly ModelResource[],
    { params }: ModelRequest,
    matches: readonly ModelResource[],
  ): readonly string[] {
    const served = matches.map(keyOf);
    return data
      .filter((it) =>
        params.some(([name, value]) => {
          const [source = '', code = '', target] = value.split(':');
          if (name === '_include')
            return (
              sees(token, it, 'r', data) &&
              (target === undefined || it.resourceType === target) &&
              matches.some((match) => match.resourceType === source && refersTo(match, code, [keyOf(it)]))
            );
          return (
            name === '_revinclude' &&
            it.resourceType === source &&
            sees(token, it, 's', data) &&
            refersTo(it, code, served)
          );
        }),
      )
      .map(keyOf)
      .filter((it) => !served.includes(it));
  }

  function refersTo(resource: ModelResource, code: string, keys: readonly string[]): boolean {
    return valuesOf(resource, code).some((it) => keys.includes(namedBy(it) ?? ''));
  }

  const anyUnderPoint = fc
    .tuple(anyToken, fc.func(fc.boolean()))
    .map(([token, lets]): ModelToken => ({ ...token, lets: (key) => lets(key) }));

  /** Half of them reach all that there is. */
  const backend: ModelToken = { scopes: [{ context: 'system', type: '*', letters: 'rs', conditions: [] }] };
  const anyUnderRules = fc
    .tuple(fc.oneof(anyToken, fc.constant(backend)), fc.constantFrom(...someRules))
    .map(([token, withheld]): ModelToken => ({ ...token, withheld }));
  const anyUnderBoth = fc
    .tuple(anyUnderPoint, fc.constantFrom(...someRules))
    .map(([token, withheld]): ModelToken => ({ ...token, withheld }));

  const anyAdmitted = fc
    .tuple(fc.oneof(anyToken, fc.constant(backend)), anyAdmission)
    .map(([token, admitted]): ModelToken => ({ ...token, admitted }));

  test.each([
    ['what leaves is what there is, cut down to what the token sees', anyToken, cases()],
    ['what leaves is what a decision point lets through of it', anyUnderPoint, cases(1 / 2)],
    ['what leaves is what no rule withholds of it', anyUnderRules, cases(1 / 2)],
    ['what leaves is what a decision point lets through and no rule withholds', anyUnderBoth, cases(1 / 4)],
    ['what leaves is of patients to whom the application is admitted', anyAdmitted, cases(1 / 4)],
  ])(
    '%s',
    async (_what, tokens, numRuns) => {
      await fc.assert(
        fc.asyncProperty(anyData, tokens, anyRequest, async (data, token, request) => {
          const server = await upstream.holds(data);
          const answer = await ask(token, request);
          if (!isAllowed(token, request)) expect(answer.status).toBe(403);
          else if (request.kind === 'read') await checkRead(token, data, request, answer, server);
          else await checkSearch(token, data, request, answer, server);
        }),
        { numRuns },
      );
    },
    LONGEST_MS,
  );

  test.each([
    ['what the token does not see changes no byte of an answer, and no header', anyToken, cases()],
    ['what a decision point does not let through changes none either', anyUnderPoint, cases(1 / 2)],
    ['what a rule withholds changes none either', anyUnderRules, cases(1 / 4)],
    ['what either of them keeps changes none either', anyUnderBoth, cases(1 / 8)],
    ['what is of patients to whom it is not admitted changes none either', anyAdmitted, cases(1 / 8)],
  ])(
    '%s',
    async (_what, tokens, numRuns) => {
      await fc.assert(
        fc.asyncProperty(
          anyData,
          anyData,
          tokens,
          anyRequest,
          fc.infiniteStream(fc.boolean()),
          async (data, others, token, request, keep) => {
            const isHidden = (it: ModelResource, all: readonly ModelResource[]) =>
              !sees(token, it, 'r', all) && !sees(token, it, 's', all);
            const changed = hiddenApart(data, others, isHidden, () => keep.next().value === true);

            await upstream.holds(data);
            const before = await ask(token, request);
            await upstream.holds(changed);
            const after = await ask(token, request);
            expect(masked(after)).toEqual(masked(before));
          },
        ),
        { numRuns },
      );
    },
    LONGEST_MS,
  );

  /** A sealed place is another at every call; as long as it must be. */
  function masked({ text, ...rest }: SeenAnswer): object {
    return { ...rest, text: text.replaceAll(/_page=[\w-]+/g, (sealed) => `_page=${sealed.length}`) };
  }
});
