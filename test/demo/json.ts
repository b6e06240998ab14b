import { must } from './checks.js';

/** What stands in a JSON value at a dotted path (`items.0.id`); undefined where nothing does. */
export function at(value: unknown, path: string): unknown {
  let found = value;
  for (const name of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = Reflect.get(found, name);
  }
  return found;
}

export function textAt(value: unknown, path: string): string {
  const found = at(value, path);
  must(typeof found === 'string', `the answer has a text at ${path}`, value);
  return found;
}

export function listAt(value: unknown, path: string): readonly unknown[] {
  const found = at(value, path);
  must(Array.isArray(found), `the answer has a list at ${path}`, value);
  return found;
}
