import type { ElementPath } from './r4.js';

/** A FHIR resource as JSON, of which nothing is known yet. */
export interface FhirResource {
  readonly resourceType: string;
  readonly [element: string]: unknown;
}

/** Whether a value is an object with a `resourceType`. */
export function isResource(value: unknown): value is FhirResource {
  return isObject(value) && typeof value['resourceType'] === 'string';
}

/** A resource and all that it contains, at whatever depth: R4 has one level (References, 2.3.0.2), a server may hold more. */
export function withContained(resource: FhirResource): readonly FhirResource[] {
  const found = [resource];
  const look = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(look);
    else if (isObject(value)) {
      if (isResource(value)) found.push(value);
      Object.values(value).forEach(look);
    }
  };
  look(resource['contained']);
  return found;
}

/** Everything that stands at a path of a resource; lists are taken apart. */
export function valuesAt(resource: FhirResource, path: ElementPath): readonly unknown[] {
  let values: readonly unknown[] = [resource];
  for (const { name, where } of path.steps) {
    const below: unknown[] = [];
    for (const value of values) {
      if (!isObject(value)) continue;
      const found = Object.hasOwn(value, name) ? value[name] : undefined;
      for (const each of Array.isArray(found) ? (found as readonly unknown[]) : [found]) {
        if (each === undefined || each === null) continue;
        if (where && !(isObject(each) && each[where.name] === where.value)) continue;
        below.push(each);
      }
    }
    if (below.length === 0) return below;
    values = below;
  }
  return values;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
