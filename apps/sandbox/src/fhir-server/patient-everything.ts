import type { Bundle, Resource } from '@medplum/fhirtypes';
import { isObject, isOfPatient, isResourceType } from '#smart';

/** A call of `Patient/[id]/$everything`. */
export interface EverythingRequest {
  readonly patient: string;
  readonly query: URLSearchParams;
}

/** Reads a path below the base; undefined when it is another. */
export function everythingAsked(path: string, query: string): EverythingRequest | undefined {
  const patient = /^\/Patient\/([A-Za-z0-9\-.]{1,64})\/\$everything$/.exec(path)?.[1];
  return patient === undefined ? undefined : { patient, query: new URLSearchParams(query) };
}

/**
 * The record of a patient (R4, Patient, `$everything`): what is theirs, the people, places and medications that it names,
 * and where it comes from. Undefined when there is no such patient.
 *
 * @param all  everything that is stored
 * @param base URL of the server, without a slash at its end
 */
export function everythingOf(
  { patient, query }: EverythingRequest,
  all: readonly Resource[],
  base: string,
): Bundle | undefined {
  const theirs = all.filter(
    (it) => isResourceType(it.resourceType) && isOfPatient({ ...it }, it.resourceType, patient, [base]),
  );
  if (!theirs.some(({ resourceType }) => resourceType === 'Patient')) return undefined;
  const named = new Set(theirs.flatMap((it) => [...referencesIn(it)]));
  const keys = new Set(theirs.map(({ resourceType, id }) => `${resourceType}/${id}`));
  const others = all.filter(
    (it) =>
      (it.resourceType !== 'Patient' && named.has(`${it.resourceType}/${it.id}`)) ||
      (it.resourceType === 'Provenance' && it.target.some(({ reference = '' }) => keys.has(reference))),
  );
  const types = query.get('_type')?.split(',');
  const found = [...new Set([...theirs, ...others])].filter((it) => types?.includes(it.resourceType) ?? true);
  const [offset, count] = [Number(query.get('_offset') ?? 0), Number(query.get('_count') ?? found.length)];
  const next = new URLSearchParams(query);
  next.set('_offset', String(offset + count));
  const link =
    offset + count < found.length
      ? [{ relation: 'next' as const, url: `${base}/Patient/${patient}/$everything?${next.toString()}` }]
      : [];
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    total: found.length,
    link,
    entry: found
      .slice(offset, offset + count)
      .map((resource) => ({ fullUrl: `${base}/${resource.resourceType}/${resource.id}`, resource })),
  };
}

/** Every literal reference inside a value. */
function* referencesIn(value: unknown): Iterable<string> {
  if (Array.isArray(value)) for (const each of value) yield* referencesIn(each);
  else if (isObject(value))
    for (const [name, each] of Object.entries(value)) {
      if (name === 'reference' && typeof each === 'string') yield each;
      else yield* referencesIn(each);
    }
}
