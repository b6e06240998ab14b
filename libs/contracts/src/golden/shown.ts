import type { Shape } from './sample.js';

/**
 * The properties of a schema that none of these values has, as paths (`keys[].jwk`): what an additive change added and
 * no golden record shows yet. A property below one that is missing is not named.
 */
export function unshownProperties(shape: Shape, values: readonly unknown[], at = ''): readonly string[] {
  if (shape.type === 'array') {
    const items = values.flatMap((value) => (Array.isArray(value) ? (value as readonly unknown[]) : []));
    return items.length === 0 ? [] : unshownProperties(shape.items ?? {}, items, `${at}[]`);
  }
  return Object.entries(shape.properties ?? {}).flatMap(([name, of]) => {
    const path = at === '' ? name : `${at}.${name}`;
    const below = values.flatMap((value) => (isObject(value) && Object.hasOwn(value, name) ? [value[name]] : []));
    return below.length === 0 ? [path] : unshownProperties(of, below, path);
  });
}

/** The properties of a value that its schema does not name: what was taken out of a shape that stands in logs. */
export function unnamedProperties(shape: Shape, value: unknown, at = ''): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown) => unnamedProperties(shape.items ?? {}, item, `${at}[]`));
  }
  if (!isObject(value) || shape.properties === undefined) return [];
  return Object.entries(value).flatMap(([name, below]) => {
    const path = at === '' ? name : `${at}.${name}`;
    const of = shape.properties?.[name];
    return of === undefined ? [path] : unnamedProperties(of, below, path);
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
