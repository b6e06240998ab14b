import type { SearchParameter } from '@medplum/fhirtypes';

/** Kinds whose values are compared here; the others are only passed on. */
const compared: ReadonlySet<string> = new Set(['token', 'reference', 'uri']);

/** Data types that each kind compares (FHIR R4, Search, 3.1.1.4). */
const dataTypes: Readonly<Record<string, readonly string[]>> = {
  token: ['CodeableConcept', 'Coding', 'Identifier', 'ContactPoint', 'code', 'boolean', 'string', 'uri', 'id'],
  reference: ['Reference', 'canonical', 'uri'],
  uri: ['uri', 'url', 'canonical', 'oid', 'uuid'],
};

/**
 * Where the values of a search parameter stand in a resource of type `base`, as paths of plain elements:
 * `participant.actor^Practitioner`, `telecom[system=email]`, `valueCodeableConcept`. Empty when its expression says
 * more than a path can, so that nothing is decided by it.
 *
 * @param choices by the path of a choice element (`Observation.value`) the codes of its types
 */
export function pathsOf(
  { type, expression = '' }: SearchParameter,
  base: string,
  choices: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  if (!compared.has(type)) return [];
  const own = expression
    .split('|')
    .map((it) => it.trim())
    .filter((it) => new RegExp(`^\\(?${base}\\.`).test(it));
  const paths = own.map((alternative) => pathOf(alternative, dataTypes[type] ?? [], choices));
  const known = paths.filter((it) => it !== undefined);
  return known.length === paths.length ? [...new Set(known.flat())].sort() : [];
}

function pathOf(
  alternative: string,
  accepted: readonly string[],
  choices: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  const [, cast, castTo, plain] = /^(?:\(([\w.]+) as (\w+)\)|(.+))$/.exec(alternative) ?? [];
  const text = cast ?? plain ?? '';
  const [, before = text, to] = /^(.*)\.as\((\w+)\)$/.exec(text) ?? [];
  const [, path = before, target] = /^(.*)\.where\(resolve\(\) is (\w+)\)$/.exec(before) ?? [];
  const steps = path.split(/\.(?![^(]*\))/).slice(1);
  const written = joinConditions(steps);
  if (!written) return undefined;
  const kept = target === undefined ? '' : `^${target}`;
  const typed = choices.get(path.replace(/\.where\([^)]*\)/g, ''));
  const one = castTo ?? to;
  // Where there is no choice of that name, a cast says the element's only type.
  if (!typed) return [written + kept];
  const names = one === undefined ? typed.filter((it) => accepted.includes(it)) : [one];
  return names.map((it) => written + it.charAt(0).toUpperCase() + it.slice(1) + kept);
}

/** Steps with `where(x='y')` written behind the step before it; undefined when there is anything else. */
function joinConditions(steps: readonly string[]): string | undefined {
  let path = '';
  for (const step of steps) {
    const [, name, value] = /^where\((\w+)='([\w-]+)'\)$/.exec(step) ?? [];
    if (name !== undefined && value !== undefined) path += `[${name}=${value}]`;
    else if (/^\w+$/.test(step)) path += path === '' ? step : `.${step}`;
    else return undefined;
  }
  return path === '' ? undefined : path;
}
