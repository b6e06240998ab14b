import { localReference } from '../compartments/reference.js';
import { isObject, valuesAt, type FhirResource } from '../definitions/element-values.js';
import { searchParameterOf, type ResourceType, type SearchParameter } from '../definitions/r4.js';
import type { ScopeParameter } from '../scopes/scope.js';

/** Whether what a granular scope says of a type can be told from a resource: tokens, references and URIs can. */
export function canMatch(type: ResourceType, { name }: ScopeParameter): boolean {
  return (searchParameterOf(type, name)?.paths.length ?? 0) > 0;
}

/**
 * Whether a resource is what `name=value` finds, without modifiers (R4, Search, 3.1.1.4). A comma in the value means
 * "or". False for parameters that `canMatch` does not know.
 */
export function matchesParameter(
  resource: FhirResource,
  type: ResourceType,
  { name, value }: ScopeParameter,
  bases: readonly string[],
): boolean {
  const parameter = searchParameterOf(type, name);
  if (!parameter || parameter.paths.length === 0) return false;
  const found = parameter.paths.flatMap((path) =>
    valuesAt(resource, path).filter(
      (it) => path.target === undefined || localReference(it, bases)?.type === path.target,
    ),
  );
  return (
    found.length > 0 && alternatives(value).some((asked) => found.some((it) => isOne(parameter, it, asked, bases)))
  );
}

const split = new Map<string, readonly string[]>();
const SPLIT_KEPT = 1_000;

/** The values between the commas; `\,` is a comma in a value, `\|` a bar (R4, Search, 3.1.1.4.3). */
function alternatives(value: string): readonly string[] {
  let known = split.get(value);
  if (!known) {
    known = value.match(/(?:\\.|[^,\\]|\\$)+/gsu) ?? [];
    if (split.size >= SPLIT_KEPT) split.clear();
    split.set(value, known);
  }
  return known;
}

function isOne({ kind, targets }: SearchParameter, found: unknown, asked: string, bases: readonly string[]): boolean {
  switch (kind) {
    case 'token':
      return isToken(found, asked);
    case 'uri':
      return found === unescaped(asked);
    case 'reference': {
      const named = localReference(found, bases);
      if (!named) return found === unescaped(asked); // a canonical is a plain text
      if (asked.includes('/')) {
        const wanted = localReference(unescaped(asked), bases);
        return wanted?.type === named.type && wanted.id === named.id;
      }
      // A plain id means one type only where the parameter can point to one type only.
      return targets !== '*' && targets.length === 1 && targets[0] === named.type && named.id === asked;
    }
    default:
      return false;
  }
}

/** `code`, `system|code`, `|code` (no system) and `system|` (any code of it) (R4, Search, 3.1.1.4.10). */
function isToken(found: unknown, asked: string): boolean {
  const [first = '', second, ...more] = asked.split(/(?<!\\)\|/);
  if (more.length > 0) return false;
  const system = second === undefined ? undefined : unescaped(first);
  const code = unescaped(second ?? first);
  const isPair = (foundSystem: unknown, foundCode: unknown) =>
    (code === '' ? system !== undefined && system !== '' : foundCode === code) &&
    (system === undefined || (system === '' ? foundSystem === undefined : foundSystem === system));
  if (typeof found === 'string' || typeof found === 'boolean') {
    // The system of a plain code stands in the definitions, not in the resource.
    return (system === undefined || system === '') && isPair(undefined, String(found));
  }
  if (!isObject(found)) return false;
  const { coding } = found;
  if (Array.isArray(coding)) return coding.some((it) => isObject(it) && isPair(it['system'], it['code']));
  // A Coding has a code; an Identifier or a ContactPoint a value, and the latter's system is no namespace.
  return isPair(found['system'], found['code'] ?? found['value']);
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, '$1');
}
