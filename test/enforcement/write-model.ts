import type { ModelWrite } from './arbitraries.js';
import { mayAsk, meets, type ModelResource, type ModelToken, namesOnlySeen, sees } from './model.js';

/** What writes come to, by the rules alone, sharing no code with what it checks. */

export type Data = readonly ModelResource[];

/** The letters that each kind of write needs, and one more where a condition looks for what is meant. */
const letters = { create: 'c', update: 'u', patch: 'ur', delete: 'd' } as const;
const letterOf = { create: 'c', update: 'u', patch: 'u', delete: 'd' } as const;

export function isMeant(resource: ModelResource, condition: NonNullable<ModelWrite['condition']>): boolean {
  if (condition.name === '_id') return condition.value.split(',').includes(resource.id);
  return meets(resource, condition);
}

/** What is to be done, the state after not yet judged; `done`: it comes to nothing, and is told so. */
export type Prepared =
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'done'; readonly status: number; readonly found?: ModelResource }
  | {
      readonly kind: 'write';
      readonly status: number;
      readonly letter: 'c' | 'u' | 'd';
      readonly before?: ModelResource;
      readonly after?: ModelResource;
    };

/** Whether a write may be asked for at all. */
export function mayWrite(token: ModelToken, { kind, type, condition }: ModelWrite): boolean {
  const needed = letters[kind] + (condition ? 's' : '');
  return type !== 'Binary' && [...needed].every((letter) => mayAsk(token, type, letter));
}

/** @param newId what the server would call something new */
export function prepare(token: ModelToken, data: Data, write: ModelWrite, newId: string): Prepared {
  const { kind, type, condition, body, patched } = write;
  if (!mayWrite(token, write)) return { kind: 'refused', status: 403 };

  const create = (): Prepared => {
    const after: ModelResource = { resourceType: type, ...body, id: newId };
    return { kind: 'write', status: 201, letter: 'c', after };
  };
  const change = (id: string): Prepared => {
    const before = data.find((it) => it.resourceType === type && it.id === id);
    const letter = letterOf[kind];
    if (!before || !sees(token, before, letter, data))
      return { kind: 'refused', status: before && sees(token, before, 'r', data) ? 403 : 404 };
    if (kind === 'delete') return { kind: 'write', status: 204, letter: 'd', before };
    if (kind === 'patch' && !sees(token, before, 'r', data)) return { kind: 'refused', status: 403 };
    const after: ModelResource =
      kind === 'patch' ? { ...before, [patched[0]]: patched[1] } : { resourceType: type, ...body, id };
    return { kind: 'write', status: 200, letter: 'u', before, after };
  };
  if (!condition) return kind === 'create' ? create() : change(write.id);

  const found = data.filter((it) => it.resourceType === type && isMeant(it, condition) && sees(token, it, 's', data));
  if (found.length > 1) return { kind: 'refused', status: 412 };
  const [one] = found;
  if (kind === 'create') return one ? { kind: 'done', status: 200, found: one } : create();
  if (one) return change(one.id);
  if (kind === 'update') return create();
  return kind === 'delete' ? { kind: 'done', status: 204 } : { kind: 'refused', status: 404 };
}

/** What there is once something was carried out. */
export function carriedOut(data: Data, it: Prepared): Data {
  if (it.kind !== 'write') return data;
  return [...data.filter((other) => other !== it.before), ...(it.after ? [it.after] : [])];
}

/** What a write by itself comes to: the status, and what there is afterwards. */
export function expected(
  token: ModelToken,
  data: Data,
  write: ModelWrite,
): { readonly status: number; readonly after: Data } {
  const prepared = prepare(token, data, write, 'new');
  const { status } = prepared;
  if (prepared.kind !== 'write') return { status, after: data };
  const { after, letter } = prepared;
  return after && !(sees(token, after, letter, data) && namesOnlySeen(token, after, data))
    ? { status: 403, after: data }
    : { status, after: carriedOut(data, prepared) };
}

/** By content: the ids of what is new are the server's choice, and its versions are its own. */
export function plainly(data: Data): readonly string[] {
  return data
    .map(({ id, ...rest }) =>
      JSON.stringify(
        { ...rest, id: /^(new\b|[0-9a-f]{8}-)/.test(id) ? 'new' : id, meta: undefined },
        [...keysIn(rest), 'id'].sort(),
      ).replaceAll(/\/(new-\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"/g, '/new"'),
    )
    .sort();
}

function keysIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.values(value).flatMap(keysIn);
  return Array.isArray(value) ? below : [...Object.keys(value), ...below];
}
