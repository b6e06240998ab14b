import { isObject, isResource, type FhirResource } from '../definitions/element-values.js';
import type { ResourceType } from '../definitions/r4.js';

/** A resource that may be judged and sent on, or why it is not one. */
export type ReadResource =
  { readonly ok: true; readonly resource: FhirResource } | { readonly ok: false; readonly reason: string };

/**
 * What a body says that is to be written as a resource of a type, under an id if it has one already. The body must agree
 * with the URL, since servers believe either. A new resource loses what only the server gives (R4, RESTful API, create):
 * servers were seen to overwrite the resource whose id a creation named.
 */
export function readWritten(body: unknown, type: ResourceType, id?: string): ReadResource {
  if (!isResource(body)) return { ok: false, reason: 'the body is not a resource' };
  if (body.resourceType !== type)
    return { ok: false, reason: `the body is not of the type ${type} that the URL names` };
  if (id !== undefined && body['id'] !== id) return { ok: false, reason: 'the body has not the id that the URL names' };
  const bySearch = referenceBySearchIn(body);
  if (bySearch) return { ok: false, reason: 'a reference by search is refused: name the resource by its id' };
  const { id: own, meta, ...rest } = body;
  const kept = isObject(meta)
    ? Object.fromEntries(Object.entries(meta).filter(([name]) => name !== 'versionId' && name !== 'lastUpdated'))
    : meta;
  return {
    ok: true,
    resource: {
      ...rest,
      resourceType: type,
      ...(id === undefined || own === undefined ? {} : { id: own }),
      ...(kept === undefined || (isObject(kept) && Object.keys(kept).length === 0) ? {} : { meta: kept }),
    },
  };
}

/** Whether anything in it refers to what a search finds (R4, RESTful API, 3.1.0.11.4): which that is, the server would say. */
function referenceBySearchIn(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(referenceBySearchIn);
  if (!isObject(value)) return false;
  return Object.entries(value).some(
    ([name, each]) =>
      (name === 'reference' && typeof each === 'string' && each.includes('?')) || referenceBySearchIn(each),
  );
}
