import { isResourceType, searchParameterOf, type ResourceType, type SearchParameter } from '../definitions/r4.js';
import type { ScopeInteraction } from '../scopes/scope.js';
import type { QueryParameter } from './interaction.js';

/** Access to a type that a request needs, because its answer shows, or tells something of, that type. */
export interface Need {
  readonly type: ResourceType;
  readonly interaction: ScopeInteraction;
  /**
   * The request tells something of resources of this type that it does not show, so that nothing could be checked
   * afterwards: only a scope for all of the type will do.
   */
  readonly whole?: true;
}

export type Understanding =
  { readonly ok: true; readonly needs: readonly Need[] } | { readonly ok: false; readonly reason: string };

/** Nothing is needed but what the path of a request says. */
const nothingAsked: Understanding = { ok: true, needs: [] };

/** Thrown inside this file only; what callers see is the reason. */
class NotUnderstood extends Error {}

const longestChain = 3;
const jsonFormats = ['json', 'application/json', 'application/fhir+json', 'application/fhir json'];
const oneOf =
  (...values: readonly string[]) =>
  (value: string) =>
    values.includes(value);

const isElementList = (value: string) => /^[A-Za-z]\w{0,63}(,[A-Za-z]\w{0,63}){0,63}$/.test(value);

/**
 * Parameters about the answer and not its content, and which of their values are understood. Each may stand once.
 * `_elements`, `_summary`, `_count` and `_total` stay here: upstream they would strip what is to be checked, or count
 * what is not to be seen.
 */
const plainControls: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['_format', oneOf(...jsonFormats)],
  ['_pretty', oneOf('true', 'false')],
]);
const readControls: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ...plainControls,
  ['_elements', isElementList],
  ['_summary', oneOf('true', 'text', 'data', 'false')],
]);
const searchControls: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ...plainControls,
  ['_count', (value: string) => /^\d{1,6}$/.test(value)],
  ['_total', oneOf('none', 'estimate', 'accurate')],
  ['_elements', isElementList],
  ['_summary', oneOf('count', 'true', 'text', 'data', 'false')],
  ['_contained', oneOf('false')],
]);

/** Refused under every scope, since nobody can tell from the request, or from the answer, what they looked at. */
const unprovable: ReadonlySet<string> = new Set([
  '_contained',
  '_containedType',
  '_content',
  '_filter',
  '_list',
  '_query',
  '_text',
]);
const historyControls: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ...plainControls,
  ['_count', (value: string) => /^\d{1,6}$/.test(value)],
  ['_since', (value: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+ -]\d\d:\d\d)$/.test(value)],
]);

/**
 * What the parameters of a search on one type need to be granted: the type itself (`s`), every type that an
 * `_include` brings (`r`) or a `_revinclude` brings (`s`), and every type that a chain or `_has` looks into (`s`).
 * The upstream may still bring more than it was asked, so what comes back is to be checked too.
 */
export function understandSearch(type: ResourceType, params: readonly QueryParameter[]): Understanding {
  return understand(() => {
    const rest = withoutControls(params, searchControls, [type]);
    const needs = rest.flatMap(({ name, value }): readonly Need[] => {
      if (name === '_include' || name === '_include:iterate') return include(type, value, name !== '_include');
      if (name === '_revinclude' || name === '_revinclude:iterate')
        return reverseInclude(type, value, name !== '_revinclude');
      return filter(type, name, value, 0);
    });
    return [{ type, interaction: 's' }, ...needs];
  });
}

/** The same for a search across types: it must name them in one `_type`, and filter only by what all types have. */
export function understandSystemSearch(params: readonly QueryParameter[]): Understanding {
  return understand(() => {
    const [named, ...more] = params.filter(({ name }) => name === '_type');
    if (!named || more.length > 0) throw new NotUnderstood('a search across types must name them in one _type');
    const types = named.value.split(',').map((it) => {
      if (!isResourceType(it)) throw new NotUnderstood('_type must list resource types of FHIR R4');
      return it;
    });
    const rest = withoutControls(
      params.filter((it) => it !== named),
      searchControls,
      ['*'],
    );
    for (const { name, value } of rest) commonFilter(name, value);
    return types.map((type): Need => ({ type, interaction: 's' }));
  });
}

/** Checks that nothing but what shapes the answer stands beside a read. */
export function understandRead(params: readonly QueryParameter[]): Understanding {
  if (params.length === 0) return nothingAsked;
  return understand(() => onlyControls(params, readControls));
}

/** Checks that nothing but `_format` and `_pretty` stands beside a write. */
export function understandNoSearch(params: readonly QueryParameter[]): Understanding {
  return understand(() => onlyControls(params, plainControls));
}

/** Checks the parameters of a history: those, `_count` and `_since`. */
export function understandHistory(params: readonly QueryParameter[]): Understanding {
  return understand(() => onlyControls(params, historyControls));
}

function understand(read: () => readonly Need[]): Understanding {
  try {
    return { ok: true, needs: read() };
  } catch (error) {
    if (!(error instanceof NotUnderstood)) throw error;
    return { ok: false, reason: error.message };
  }
}

function onlyControls(params: readonly QueryParameter[], controls: typeof plainControls): readonly Need[] {
  const [other] = withoutControls(params, controls, []);
  if (other) throw new NotUnderstood(`the parameter ${other.name} is not understood here`);
  return [];
}

function withoutControls(
  params: readonly QueryParameter[],
  controls: typeof plainControls,
  sortable: readonly (ResourceType | '*')[],
): readonly QueryParameter[] {
  const seen = new Set<string>();
  return params.filter(({ name, value }) => {
    const isSort = name === '_sort' && sortable.length > 0;
    const understood = isSort ? (it: string) => isSortOf(sortable, it) : controls.get(name);
    if (!understood) return true;
    // Of a repeated one some servers take the first and others the last.
    if (seen.has(name)) throw new NotUnderstood(`the parameter ${name} stands more than once`);
    if (!understood(value)) throw new NotUnderstood(`the value of ${name} is not understood`);
    seen.add(name);
    return false;
  });
}

function isSortOf(types: readonly (ResourceType | '*')[], value: string): boolean {
  return value
    .split(',')
    .map((key) => key.replace(/^-/, ''))
    .every((code) => types.every((type) => searchParameterOf(type, code) !== undefined));
}

function filter(type: ResourceType, name: string, value: string, depth: number): readonly Need[] {
  if (depth > longestChain) throw new NotUnderstood('the chain is too long');
  if (name.startsWith('_has:')) return reverseChain(type, name, value, depth);
  const dot = name.indexOf('.');
  if (dot >= 0) return chain(type, name.slice(0, dot), name.slice(dot + 1), value, depth);
  ownFilter(type, name, value);
  return [];
}

/** A filter on the type itself shows nothing of another type. */
function ownFilter(type: ResourceType | '*', name: string, value: string): void {
  const [code = '', modifier, ...more] = name.split(':');
  if (unprovable.has(code)) throw new NotUnderstood(`${code} is refused under every scope: it cannot be checked`);
  const parameter = searchParameterOf(type, code);
  if (!parameter) throw new NotUnderstood(`${code} is not a search parameter of ${type} that is understood`);
  if (more.length > 0 || (modifier !== undefined && !isProven(parameter, modifier))) {
    throw new NotUnderstood(`the modifier of ${name} is not understood`);
  }
  // Servers drop a parameter without a value, and then answer with everything.
  if (value.split(',').some((it) => it.trim() === '')) throw new NotUnderstood(`${name} has an empty value`);
  if (modifier === 'missing' && !oneOf('true', 'false')(value)) throw new NotUnderstood(`${name} is true or false`);
}

function commonFilter(name: string, value: string): void {
  ownFilter('*', name, value);
}

/** Modifiers that compare the resource's own content in a way that every server means alike. */
function isProven({ kind, targets }: SearchParameter, modifier: string): boolean {
  if (modifier === 'missing') return true;
  if (kind === 'string') return modifier === 'exact' || modifier === 'contains';
  if (kind === 'token') return modifier === 'not';
  return kind === 'reference' && isResourceType(modifier) && mayPointTo(targets, modifier);
}

function mayPointTo(targets: SearchParameter['targets'], type: ResourceType): boolean {
  return targets === '*' || targets.includes(type);
}

/** `subject:Patient.name=a` looks into every type that the reference may point to and that has the parameter. */
function chain(type: ResourceType, link: string, rest: string, value: string, depth: number): readonly Need[] {
  const [code = '', target, ...more] = link.split(':');
  const parameter = searchParameterOf(type, code);
  if (parameter?.kind !== 'reference' || more.length > 0)
    throw new NotUnderstood(`${link} is not a reference of ${type}`);
  const next = rest.split(/[.:]/, 1)[0] ?? '';
  const reached = targetsOf(parameter, target, link).filter((it) => next === '_has' || searchParameterOf(it, next));
  if (reached.length === 0) throw new NotUnderstood(`${next} is not a search parameter behind ${link}`);
  return reached.flatMap((it): readonly Need[] => [
    { type: it, interaction: 's', whole: true },
    ...filter(it, rest, value, depth + 1),
  ]);
}

/** `_has:Observation:patient:code=a` looks into Observation. */
function reverseChain(type: ResourceType, name: string, value: string, depth: number): readonly Need[] {
  const [, source = '', code = '', ...rest] = name.split(':');
  if (!isResourceType(source) || rest.length === 0) throw new NotUnderstood(`${name} is not understood`);
  const parameter = searchParameterOf(source, code);
  if (parameter?.kind !== 'reference' || !mayPointTo(parameter.targets, type)) {
    throw new NotUnderstood(`${code} is not a reference from ${source} to ${type}`);
  }
  return [{ type: source, interaction: 's', whole: true }, ...filter(source, rest.join(':'), value, depth + 1)];
}

/** `_include=MedicationRequest:medication` brings every type that the reference may point to. */
function include(type: ResourceType, value: string, iterate: boolean): readonly Need[] {
  const { source, parameter, target } = readInclude(value);
  if (source !== type && !iterate) throw new NotUnderstood(`this _include does not start from ${type}`);
  const brought = targetsOf(parameter, target, `${source}:${parameter.code}`).map((it): Need => ({
    type: it,
    interaction: 'r',
  }));
  return source === type ? brought : [{ type: source, interaction: 'r' }, ...brought];
}

/** `_revinclude=Provenance:target` brings that type. */
function reverseInclude(type: ResourceType, value: string, iterate: boolean): readonly Need[] {
  const { source, parameter, target } = readInclude(value);
  if (target !== undefined) targetsOf(parameter, target, `${source}:${parameter.code}`);
  if (!iterate && !mayPointTo(parameter.targets, type))
    throw new NotUnderstood(`this _revinclude does not point to ${type}`);
  return [{ type: source, interaction: 's' }];
}

function readInclude(value: string) {
  const [source = '', code = '', target, ...more] = value.split(':');
  const parameter = isResourceType(source) ? searchParameterOf(source, code) : undefined;
  if (!isResourceType(source) || parameter?.kind !== 'reference' || more.length > 0) {
    throw new NotUnderstood('an _include or _revinclude does not name a reference of R4');
  }
  return { source, parameter, target };
}

function targetsOf({ targets }: SearchParameter, named: string | undefined, where: string): readonly ResourceType[] {
  if (named !== undefined) {
    if (!isResourceType(named) || !mayPointTo(targets, named))
      throw new NotUnderstood(`${where} cannot point to the type named`);
    return [named];
  }
  if (targets === '*') throw new NotUnderstood(`${where} may point to any type, so it must name one`);
  return targets;
}
