import type { Secret } from './find-values.js';

/** Shorter ones stand everywhere by chance. */
const SHORTEST = 8;
/** Elements of R4's Patient, Person and their like whose texts say who somebody is, wherever they stand in a resource. */
const TELLING = new Set(['birthDate', 'deceasedDateTime', 'div', 'family', 'given', 'line', 'text', 'value', 'data']);

/**
 * What says of a resource whose it is: dates of birth, identifiers, numbers of telephones, addresses, narratives, and names as
 * JSON has them, as a person says them and as lists sort them. What is no resource has none.
 */
export function clinicalValuesIn(resource: unknown): readonly Secret[] {
  if (typeof resource !== 'object' || resource === null || !('resourceType' in resource)) return [];
  return valuesIn(resource).filter(({ value }) => value.length >= SHORTEST);
}

function valuesIn(value: unknown, name = ''): readonly Secret[] {
  if (typeof value === 'string') return TELLING.has(name) ? [{ what: `a patient's ${name}`, value }] : [];
  if (Array.isArray(value)) return value.flatMap((each) => valuesIn(each, name));
  if (typeof value !== 'object' || value === null) return [];
  return [...namesIn(value), ...Object.entries(value).flatMap(([field, each]) => valuesIn(each, field))];
}

function namesIn(value: object): readonly Secret[] {
  if (!('family' in value) || !('given' in value) || !Array.isArray(value.given)) return [];
  const given = value.given.join(' ');
  const family = String(value.family);
  const asJson = JSON.stringify({ family, given: value.given }).slice(1, -1);
  return [`${given} ${family}`, `${family}, ${given}`, asJson].map((name) => ({
    what: "a patient's name",
    value: name,
  }));
}
