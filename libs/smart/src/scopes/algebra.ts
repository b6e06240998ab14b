import {
  interactionsInOrder,
  type ResourceScope,
  type Scope,
  type ScopeInteraction,
  type ScopeParameter,
} from './scope.js';
import { v1Word } from './serialise-scope.js';

/**
 * How scopes compare. A set of scopes allows what any one of them allows (they add up), and a scope is the sum
 * of its interactions, so `.rs` equals `.r` and `.s` together. `*` stands above every type; contexts do not
 * compare. A granular scope is narrower than the same one without parameters; with parameters on both sides,
 * each condition of the wider must follow from one of the narrower, where `category=a` follows from itself
 * and `category=a,b` from `category=a`. Nothing is inferred from what a code means.
 */

/** Whether the granted scopes together allow everything that `asked` allows. */
export function covers(granted: readonly Scope[], asked: Scope): boolean {
  if (asked.kind !== 'resource') {
    return granted.some((it) => it.kind === asked.kind && it.name === asked.name);
  }
  return asked.interactions.every((interaction) =>
    granted.some(
      (it) =>
        it.kind === 'resource' &&
        it.context === asked.context &&
        (it.type === '*' || it.type === asked.type) &&
        it.interactions.includes(interaction) &&
        it.params.every((wider) => asked.params.some((narrower) => implies(narrower, wider))),
    ),
  );
}

/** Whether `a` allows nothing that `b` does not allow: narrower, or equal. */
export function isNarrowerOrEqual(a: readonly Scope[], b: readonly Scope[]): boolean {
  return a.every((scope) => covers(b, scope));
}

/**
 * What was asked and is approved: the widest scopes that both allow, in the order asked, each in the syntax
 * that was asked as far as v1 has a word for it (`.read`, `.write`, `.*`; what is left over, and every granular
 * scope, is answered in v2). Empty when they have nothing in common.
 */
export function intersect(asked: readonly Scope[], approved: readonly Scope[]): readonly Scope[] {
  return asked.flatMap((scope): readonly Scope[] => {
    if (scope.kind !== 'resource') return covers(approved, scope) ? [scope] : [];
    const met = approved.flatMap((other) => (other.kind === 'resource' ? meet(scope, other) : []));
    return withoutCovered(joined(met)).flatMap(inAskedSyntax);
  });
}

function implies(narrower: ScopeParameter, wider: ScopeParameter): boolean {
  if (narrower.name !== wider.name) return false;
  const allowed = new Set(alternatives(wider.value));
  const values = alternatives(narrower.value);
  return values.length > 0 && values.every((value) => allowed.has(value));
}

/** The values between the commas; `\,` is a comma in a value (FHIR R4, Search, 3.1.1.4.3). */
function alternatives(value: string): readonly string[] {
  return value.match(/(?:\\.|[^,\\]|\\$)+/gsu) ?? [];
}

function meet(asked: ResourceScope, approved: ResourceScope): readonly ResourceScope[] {
  if (asked.context !== approved.context) return [];
  if (asked.type !== approved.type && asked.type !== '*' && approved.type !== '*') return [];
  const interactions = asked.interactions.filter((it) => approved.interactions.includes(it));
  if (interactions.length === 0) return [];
  const type = asked.type === '*' ? approved.type : asked.type;
  return [{ ...asked, type, interactions, params: conjunction(asked.params, approved.params) }];
}

/** Both lists of conditions, without those that follow from another. */
function conjunction(a: readonly ScopeParameter[], b: readonly ScopeParameter[]): readonly ScopeParameter[] {
  const all = [...a, ...b];
  return all.filter((param, index) =>
    all.every((other, place) => place === index || !implies(other, param) || (implies(param, other) && index < place)),
  );
}

/** Scopes that differ only in their interactions become one. */
function joined(scopes: readonly ResourceScope[]): readonly ResourceScope[] {
  const byRest = new Map<string, ResourceScope>();
  for (const scope of scopes) {
    const params = scope.params.map((it) => JSON.stringify([it.name, it.value])).sort();
    const key = JSON.stringify([scope.type, params]);
    const earlier = byRest.get(key)?.interactions ?? [];
    byRest.set(key, { ...scope, interactions: inOrder([...earlier, ...scope.interactions]) });
  }
  return [...byRest.values()];
}

function withoutCovered(scopes: readonly ResourceScope[]): readonly ResourceScope[] {
  return scopes.filter((scope, index) =>
    scopes.every(
      (other, place) => place === index || !covers([other], scope) || (covers([scope], other) && index < place),
    ),
  );
}

function inAskedSyntax(scope: ResourceScope): readonly ResourceScope[] {
  if (scope.syntax === 'v2' || (scope.params.length === 0 && v1Word(scope.interactions))) return [scope];
  if (scope.params.length > 0) return [{ ...scope, syntax: 'v2' }];
  const has = (some: readonly ScopeInteraction[]) => some.every((it) => scope.interactions.includes(it));
  const word = (
    [
      ['r', 's'],
      ['c', 'u', 'd'],
    ] as const
  ).find(has);
  if (!word) return [{ ...scope, syntax: 'v2' }];
  const rest = scope.interactions.filter((it) => !word.some((named) => named === it));
  return [
    { ...scope, interactions: word },
    { ...scope, interactions: rest, syntax: 'v2' },
  ];
}

function inOrder(interactions: readonly ScopeInteraction[]): readonly ScopeInteraction[] {
  return interactionsInOrder.filter((it) => interactions.includes(it));
}
