import { isObject, type FhirResource } from '../definitions/element-values.js';

/** A resource in which references to other entries were replaced, or why it cannot be. */
export type Linked =
  { readonly ok: true; readonly resource: FhirResource } | { readonly ok: false; readonly reason: string };

const placeholder = /^urn:(uuid|oid):/i;

/** Whether a `fullUrl` is a name that counts within its Bundle alone. */
export function isPlaceholder(fullUrl: string): boolean {
  return placeholder.test(fullUrl);
}

/**
 * Whether anything in a value refers to one of these placeholders, in a `reference`.
 *
 * @param names in small letters
 */
export function refersTo(value: unknown, names: ReadonlySet<string>): boolean {
  if (names.size === 0) return false;
  if (Array.isArray(value)) return value.some((each) => refersTo(each, names));
  if (!isObject(value)) return false;
  return Object.entries(value).some(
    ([name, each]) =>
      (name === 'reference' && typeof each === 'string' && names.has(each.toLowerCase())) || refersTo(each, names),
  );
}

/**
 * Replaces the references of a resource to other entries of its transaction (R4, RESTful API, 3.1.0.11.4). Servers replace a
 * `fullUrl` wherever they come upon it, some inside of texts: so nothing but a `reference` may name one, and each
 * must be that of an entry.
 *
 * @param targets by `fullUrl`, all that are placeholders: what stands instead
 */
export function linkEntries(resource: FhirResource, targets: ReadonlyMap<string, string>): Linked {
  try {
    const names = [...targets.keys()].map((it) => it.toLowerCase());
    return { ok: true, resource: replaced(resource, targets, names) as FhirResource };
  } catch (error) {
    if (!(error instanceof Unlinkable)) throw error;
    return { ok: false, reason: error.message };
  }
}

/** Thrown inside this file only. */
class Unlinkable extends Error {}

function replaced(value: unknown, targets: ReadonlyMap<string, string>, names: readonly string[]): unknown {
  if (typeof value === 'string') {
    const text = value.toLowerCase();
    if (text.includes('urn') && names.some((name) => text.includes(name) || text.includes(encoded(name))))
      throw new Unlinkable('an entry is named elsewhere than in a reference');
    return value;
  }
  if (Array.isArray(value)) return value.map((each) => replaced(each, targets, names));
  // A number with its digits is an object too.
  if (!isObject(value) || JSON.isRawJSON(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      if (name !== 'reference' || typeof each !== 'string' || !placeholder.test(each))
        return [name, replaced(each, targets, names)];
      const target = targets.get(each);
      if (target === undefined) throw new Unlinkable('a reference names no entry of the transaction');
      return [name, target];
    }),
  );
}

function encoded(name: string): string {
  return encodeURIComponent(name).toLowerCase();
}
