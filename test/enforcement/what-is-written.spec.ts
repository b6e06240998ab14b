import fc from 'fast-check';
import { anyData, anyWrite, anyWritingToken, type ModelWrite } from './arbitraries.js';
import { GatewayInProcess, HostileUpstream, type SeenAnswer } from './gateway-in-process.js';
import { mayAsk, meets, type ModelResource, type ModelToken, sees } from './model.js';

/** `CASES=10000 npm run test:unit -- test/enforcement` is the long run. */
const CASES = Number(process.env['CASES'] ?? 500);
const LONGEST_MS = 60_000 + CASES * 200;
const upstream = new HostileUpstream();
const gateway = new GatewayInProcess(upstream);
beforeAll(async () => await gateway.start());
afterAll(async () => await gateway.close());

type Data = readonly ModelResource[];

/** The letters that each kind of write needs, and one more where a condition looks for what is meant. */
const letters = { create: 'c', update: 'u', patch: 'ur', delete: 'd' } as const;
const letterOf = { create: 'c', update: 'u', patch: 'u', delete: 'd' } as const;
const keyOf = ({ resourceType, id }: ModelResource) => `${resourceType}/${id}`;

function isMeant(resource: ModelResource, condition: NonNullable<ModelWrite['condition']>): boolean {
  if (condition.name === '_id') return condition.value.split(',').includes(resource.id);
  return meets(resource, condition);
}

/** What a write comes to, by the rules alone: the status, and what there is afterwards. */
function expected(token: ModelToken, data: Data, write: ModelWrite): { readonly status: number; readonly after: Data } {
  const refused = (status: number) => ({ status, after: data });
  const { kind, type, condition, body, patched } = write;
  const needed = letters[kind] + (condition ? 's' : '');
  if (type === 'Binary' || ![...needed].every((letter) => mayAsk(token, type, letter))) return refused(403);

  const create = () => {
    const made: ModelResource = { resourceType: type, ...body, id: 'new' };
    return sees(token, made, 'c', data) ? { status: 201, after: [...data, made] } : refused(403);
  };
  const change = (id: string) => {
    const before = data.find((it) => it.resourceType === type && it.id === id);
    if (!before || !sees(token, before, letterOf[kind], data))
      return refused(before && sees(token, before, 'r', data) ? 403 : 404);
    const others = data.filter((it) => it !== before);
    if (kind === 'delete') return { status: 204, after: others };
    if (kind === 'patch' && !sees(token, before, 'r', data)) return refused(403);
    const after: ModelResource =
      kind === 'patch' ? { ...before, [patched[0]]: patched[1] } : { resourceType: type, ...body, id };
    return sees(token, after, 'u', data) ? { status: 200, after: [...others, after] } : refused(403);
  };
  if (!condition) return kind === 'create' ? create() : change(write.id);

  const found = data.filter((it) => it.resourceType === type && isMeant(it, condition) && sees(token, it, 's', data));
  if (found.length > 1) return refused(412);
  const [one] = found;
  if (kind === 'create') return one ? refused(200) : create();
  if (one) return change(one.id);
  return kind === 'update' ? create() : refused(kind === 'delete' ? 204 : 404);
}

async function send(token: ModelToken, { kind, type, id, condition, body, patched }: ModelWrite): Promise<SeenAnswer> {
  const query = condition ? `${condition.name}=${encodeURIComponent(condition.value)}` : '';
  const target = condition ? `/${type}?${query}` : `/${type}/${id}`;
  const headers = { 'content-type': 'application/fhir+json', prefer: 'return=representation' };
  switch (kind) {
    case 'create':
      return await gateway.call(token, `/${type}`, {
        method: 'POST',
        body: JSON.stringify({ ...body, id: 'mine' }),
        headers: { ...headers, ...(condition ? { 'if-none-exist': query } : {}) },
      });
    case 'update': {
      const written = condition ? body : { ...body, id };
      return await gateway.call(token, target, { method: 'PUT', body: JSON.stringify(written), headers });
    }
    case 'patch':
      return await gateway.call(token, target, {
        method: 'PATCH',
        body: JSON.stringify([{ op: 'add', path: `/${patched[0]}`, value: patched[1] }]),
        headers: { ...headers, 'content-type': 'application/json-patch+json' },
      });
    case 'delete':
      return await gateway.call(token, target, { method: 'DELETE', headers });
    default:
      return kind satisfies never;
  }
}

/** By content: the id of what is new is the server's choice, and its versions are its own. */
function plainly(data: Data): readonly string[] {
  return data
    .map(({ id, ...rest }) =>
      JSON.stringify({ ...rest, id: /^new\b/.test(id) ? 'new' : id, meta: undefined }, [...keysIn(rest), 'id'].sort()),
    )
    .sort();
}

function keysIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.values(value).flatMap(keysIn);
  return Array.isArray(value) ? below : [...Object.keys(value), ...below];
}

test(
  'what is there afterwards is what the scopes let the token make of what was there',
  async () => {
    await fc.assert(
      fc.asyncProperty(anyData, anyWritingToken, anyWrite, async (data, token, write) => {
        const server = upstream.holds(data);
        const answer = await send(token, write);
        const { status, after } = expected(token, data, write);
        expect(answer.status).toBe(status);
        expect(plainly(server.holds())).toEqual(plainly(after));
        if (answer.status >= 300 || answer.text === '') return;
        // What comes back is readable, and stands there.
        const given = JSON.parse(answer.text) as ModelResource;
        expect(sees(token, given, 'r', server.holds())).toBe(true);
        expect(server.holds()).toContainEqual(given);
      }),
      { numRuns: CASES },
    );
  },
  LONGEST_MS,
);

test(
  'what the token does not reach changes no byte of what it is told of a write',
  async () => {
    await fc.assert(
      fc.asyncProperty(anyData, anyData, anyWritingToken, anyWrite, async (data, others, token, write) => {
        const isHidden = (it: ModelResource, all: Data) => ![...'rsud'].some((letter) => sees(token, it, letter, all));
        const seen = data.filter((it) => !isHidden(it, data));
        const taken = new Set(seen.map(keyOf));
        const added = others.filter((it) => !taken.has(keyOf(it)) && isHidden(it, [...data, ...others]));
        const changed = [...seen, ...added];
        fc.pre(changed.every((it) => isHidden(it, changed) === !seen.includes(it)));

        upstream.holds(data);
        const before = await send(token, write);
        upstream.holds(changed);
        expect(await send(token, write)).toEqual(before);
      }),
      { numRuns: CASES },
    );
  },
  LONGEST_MS,
);
