import fc from 'fast-check';
import { type Json, wildText, wildValue } from './wild.js';

/** One fault put into a value: at which of its nodes, and what. */
interface Mutation {
  readonly at: number;
  readonly how: 'replace' | 'remove' | 'add';
  readonly name: string;
  readonly value: Json;
}

/** A node of a value: the way there. */
type Way = readonly (string | number)[];

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat({ max: 60 }),
  how: fc.constantFrom('replace' as const, 'replace' as const, 'remove' as const, 'add' as const),
  name: wildText.filter((name) => name !== '__proto__'),
  value: wildValue,
});

/** The value as it is, or with up to `most` faults in it. */
export function nearly(base: fc.Arbitrary<Json>, most = 2): fc.Arbitrary<Json> {
  return fc
    .tuple(base, fc.array(mutation, { maxLength: most }))
    .map(([value, mutations]) => mutations.reduce(mutated, value));
}

function mutated(value: Json, { at, how, name, value: put }: Mutation): Json {
  const ways = waysOf(value);
  const way = ways[at % ways.length] ?? [];
  if (how === 'remove' && way.length > 0) return changed(value, way, () => undefined) ?? null;
  const fault = how === 'add' ? (node: Json) => withField(node, name, put) : () => put;
  return changed(value, way, fault) ?? null;
}

function waysOf(value: Json, way: Way = []): Way[] {
  if (typeof value !== 'object' || value === null) return [way];
  return [way, ...Object.entries(value).flatMap(([key, inner]) => waysOf(inner, [...way, key]))];
}

function withField(node: Json, name: string, put: Json): Json {
  if (isList(node)) return [...node, put];
  return typeof node === 'object' && node !== null ? { ...node, [name]: put } : put;
}

/** The value with what stands at the end of the way changed; undefined takes it out. */
function changed(value: Json, way: Way, change: (node: Json) => Json | undefined): Json | undefined {
  const [key, ...rest] = way;
  if (key === undefined) return change(value);
  if (isList(value)) {
    return value.flatMap((inner, index) => {
      if (String(index) !== String(key)) return [inner];
      const result = changed(inner, rest, change);
      return result === undefined ? [] : [result];
    });
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      if (name !== String(key)) return [[name, inner] as const];
      const result = changed(inner, rest, change);
      return result === undefined ? [] : [[name, result] as const];
    }),
  );
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
