import { isResourceType, searchParameterOf, type ResourceType } from '../definitions/r4.js';
import {
  interactionsInOrder,
  type ResourceScope,
  type Scope,
  type ScopeContext,
  type ScopeInteraction,
  type ScopeParameter,
} from './scope.js';

/** Why a scope was refused. */
export interface ScopeFault {
  /** Which scope of the list, from 0. */
  readonly index: number;
  /** Offset in characters of the first wrong one: in the list's text for `parseScopeList`, else in the scope's own. */
  readonly position: number;
  /** What was expected there, in words for the person who wrote it. */
  readonly expected: string;
}

export type ParsedScope =
  { readonly ok: true; readonly scope: Scope } | { readonly ok: false; readonly fault: ScopeFault };

export type ParsedScopes =
  | { readonly ok: true; readonly scopes: readonly Scope[] }
  | { readonly ok: false; readonly faults: readonly ScopeFault[] };

/** Bounds on what is read at all, in characters and in scopes. */
export const scopeLimits = { scope: 512, list: 8_192, scopes: 128 } as const;

const plainScopes: ReadonlyMap<string, Scope> = new Map<string, Scope>([
  ['launch', { kind: 'launch', name: 'launch' }],
  ['launch/patient', { kind: 'launch', name: 'launch/patient' }],
  ['launch/encounter', { kind: 'launch', name: 'launch/encounter' }],
  ['openid', { kind: 'identity', name: 'openid' }],
  ['fhirUser', { kind: 'identity', name: 'fhirUser' }],
  ['profile', { kind: 'identity', name: 'profile' }],
  ['offline_access', { kind: 'duration', name: 'offline_access' }],
  ['online_access', { kind: 'duration', name: 'online_access' }],
]);

const v1Permissions: ReadonlyMap<string, readonly ScopeInteraction[]> = new Map<string, readonly ScopeInteraction[]>([
  ['read', ['r', 's']],
  ['write', ['c', 'u', 'd']],
  ['*', interactionsInOrder],
]);

/** Thrown inside this file only; what callers see is the `ScopeFault`. */
class Unexpected extends Error {
  constructor(
    readonly position: number,
    readonly expected: string,
  ) {
    super(expected);
  }
}

/**
 * Reads one scope of SMART App Launch, in v1 or v2 syntax.
 *
 * @example parseScope('patient/Observation.rs?category=laboratory')
 */
export function parseScope(text: string): ParsedScope {
  try {
    return { ok: true, scope: readScope(text) };
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
    return { ok: false, fault: { index: 0, position: error.position, expected: error.expected } };
  }
}

/** Reads scopes that stand in an array, as an application declares them; every fault is listed. */
export function parseScopes(texts: readonly string[]): ParsedScopes {
  return readAll(texts, () => 0);
}

/** Reads a `scope` parameter: scopes with one space between them (RFC 6749, 3.3); every fault is listed. */
export function parseScopeList(text: string): ParsedScopes {
  if (text.length > scopeLimits.list) {
    const expected = `at most ${scopeLimits.list} characters in all`;
    return { ok: false, faults: [{ index: 0, position: scopeLimits.list, expected }] };
  }
  const texts = text.split(' ');
  const starts: number[] = [];
  let start = 0;
  for (const each of texts) {
    starts.push(start);
    start += each.length + 1;
  }
  return readAll(texts, (index) => starts[index] ?? 0);
}

function readAll(texts: readonly string[], startOf: (index: number) => number): ParsedScopes {
  if (texts.length > scopeLimits.scopes) {
    const index = scopeLimits.scopes;
    const expected = `at most ${scopeLimits.scopes} scopes`;
    return { ok: false, faults: [{ index, position: startOf(index), expected }] };
  }
  const scopes: Scope[] = [];
  const faults: ScopeFault[] = [];
  const seen = new Map<string, number>();
  texts.forEach((text, index) => {
    const parsed = parseScope(text);
    if (!parsed.ok) {
      faults.push({ ...parsed.fault, index, position: startOf(index) + parsed.fault.position });
      return;
    }
    const earlier = seen.get(identityOf(parsed.scope));
    if (earlier !== undefined) {
      faults.push({ index, position: startOf(index), expected: `each scope once; this repeats number ${earlier + 1}` });
      return;
    }
    seen.set(identityOf(parsed.scope), index);
    scopes.push(parsed.scope);
  });
  return faults.length > 0 ? { ok: false, faults } : { ok: true, scopes };
}

/** Equal for two scopes that say the same in the same syntax, whatever the order of their parameters. */
function identityOf(scope: Scope): string {
  if (scope.kind !== 'resource') return scope.name;
  const params = scope.params.map((param) => JSON.stringify([param.name, param.value])).sort();
  return JSON.stringify([scope.syntax, scope.context, scope.type, scope.interactions.join(''), params]);
}

function readScope(text: string): Scope {
  if (text === '') throw new Unexpected(0, 'a scope, not an empty one');
  if (text.length > scopeLimits.scope) {
    throw new Unexpected(scopeLimits.scope, `at most ${scopeLimits.scope} characters in a scope`);
  }
  // RFC 6749, 3.3: %x21 / %x23-5B / %x5D-7E
  const odd = text.search(/[^\x21\x23-\x5b\x5d-\x7e]/);
  if (odd >= 0) throw new Unexpected(odd, 'a printable ASCII character other than space, " and \\');
  return plainScopes.get(text) ?? readResourceScope(text);
}

function readResourceScope(text: string): ResourceScope {
  const context = /^(patient|user|system)\//.exec(text)?.[1] as ScopeContext | undefined;
  if (!context) {
    if (text.startsWith('launch/')) throw new Unexpected(7, 'patient or encounter after launch/');
    throw new Unexpected(
      0,
      'patient/, user/ or system/, or one of launch, openid, fhirUser, profile, offline_access, online_access',
    );
  }
  const typeStart = context.length + 1;
  const queryMark = text.indexOf('?', typeStart);
  const head = queryMark < 0 ? text : text.slice(0, queryMark);
  const dot = head.indexOf('.', typeStart);
  const type = head.slice(typeStart, dot < 0 ? undefined : dot);
  if (type !== '*' && !isResourceType(type)) throw new Unexpected(typeStart, 'a resource type of FHIR R4, or *');
  if (dot < 0) throw new Unexpected(head.length, 'a dot and what is asked: .read, .write, .* or some of .cruds');

  const permission = head.slice(dot + 1);
  const inV1 = v1Permissions.get(permission);
  if (inV1) {
    if (queryMark >= 0) throw new Unexpected(queryMark, 'the end: a scope in v1 syntax takes no parameters');
    return { kind: 'resource', context, type, interactions: inV1, params: [], syntax: 'v1' };
  }
  const interactions = readInteractions(permission, dot + 1);
  const params = queryMark < 0 ? [] : readParams(text, queryMark + 1, type);
  return { kind: 'resource', context, type, interactions, params, syntax: 'v2' };
}

function readInteractions(letters: string, start: number): readonly ScopeInteraction[] {
  if (letters === '') throw new Unexpected(start, 'read, write, * or at least one of c r u d s');
  let last = -1;
  return [...letters].map((letter, offset) => {
    const place = interactionsInOrder.findIndex((it) => it === letter);
    const interaction = interactionsInOrder[place];
    if (interaction === undefined) throw new Unexpected(start + offset, 'read, write, * or some of c r u d s');
    if (place <= last) throw new Unexpected(start + offset, 'c, r, u, d, s in this order, each once');
    last = place;
    return interaction;
  });
}

function readParams(text: string, start: number, type: ResourceType | '*'): readonly ScopeParameter[] {
  const params: ScopeParameter[] = [];
  let position = start;
  for (const piece of text.slice(start).split('&')) {
    const equals = piece.indexOf('=');
    if (equals < 0) throw new Unexpected(position + piece.length, 'a parameter and its value, name=value');
    const name = piece.slice(0, equals);
    const parameter = searchParameterOf(type, name);
    if (!parameter) {
      const whose = type === '*' ? 'every resource type' : type;
      throw new Unexpected(position, `a search parameter of ${whose} in R4, without a modifier or chain`);
    }
    const value = decodeValue(piece.slice(equals + 1), position + equals + 1);
    if (params.some((it) => it.name === name && it.value === value)) {
      throw new Unexpected(position, 'each parameter with the same value once');
    }
    params.push({ name, value });
    position += piece.length + 1;
  }
  return params;
}

function decodeValue(raw: string, start: number): string {
  // A plus is a space to one reader and a plus to another, so that a scope with one would not mean one thing.
  const ambiguous = raw.search(/[+#?=]/);
  if (ambiguous >= 0) throw new Unexpected(start + ambiguous, 'this character percent-encoded');
  const broken = raw.search(/%(?![0-9A-Fa-f]{2})/);
  if (broken >= 0) throw new Unexpected(start + broken, 'two hexadecimal digits after %');
  let value: string;
  try {
    value = decodeURIComponent(raw);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new Unexpected(start, 'UTF-8 behind the percent-encoding');
  }
  if (/[\p{Cc}\p{Cf}]/u.test(value)) throw new Unexpected(start, 'a value without control characters');
  if (value.split(',').some((each) => each.trim() === '')) throw new Unexpected(start, 'a value, not an empty one');
  return value;
}
