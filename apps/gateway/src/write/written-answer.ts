import type { IncomingHttpHeaders } from 'node:http';
import { type FhirResource, isObject, isResource, type ResourceType } from '#smart';
import type { Answering } from '../answer/answering.js';
import type { UpstreamWritten } from '../ask-upstream/upstream-write.js';
import { type FhirError, fhirError } from '../proxy/operation-outcome.js';
import { versionOf } from './plan-write.js';

/** What the caller wants back of a write (RFC 7240, R4 RESTful API 3.1.0.1.6). */
export type Preferred = 'representation' | 'minimal' | 'OperationOutcome';

/** What a caller is told of a write that was carried out. URLs in it are still the FHIR server's. */
export interface WrittenAnswer {
  readonly status: 200 | 201 | 204;
  readonly type: ResourceType;
  readonly id?: string;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly resource?: FhirResource;
}

/** What is preferred; a representation when nothing is said, as far as the token may read it. */
export function preferredBy({ prefer }: IncomingHttpHeaders): Preferred {
  const [, asked] =
    /(?:^|[,;\s])return\s*=\s*"?(representation|minimal|OperationOutcome)"?(?:$|[,;\s])/.exec(String(prefer ?? '')) ??
    [];
  return asked === 'minimal' || asked === 'OperationOutcome' ? asked : 'representation';
}

/** The id and version of what was written, as the server says. */
export interface Written {
  readonly id?: string;
  readonly etag?: string;
}

/** Reads where a resource was created from the server's answer: from itself, else from its `Location`. */
export function whereWritten(type: ResourceType, { resource, location, etag }: UpstreamWritten): Written {
  const own = isResource(resource) && resource.resourceType === type ? resource : undefined;
  const [, ofUrl, versionOfUrl] =
    new RegExp(`(?:^|/)${type}/([A-Za-z0-9\\-.]{1,64})(?:/_history/([A-Za-z0-9\\-.]{1,64}))?$`).exec(location ?? '') ??
    [];
  const id = own && typeof own['id'] === 'string' ? own['id'] : ofUrl;
  const version = (own && versionOf(own)) ?? etag ?? (versionOfUrl === undefined ? undefined : `W/"${versionOfUrl}"`);
  return { ...(id === undefined ? {} : { id }), ...(version === undefined ? {} : { etag: version }) };
}

/**
 * What goes back of a resource that was written: it, where that is preferred and the token may read it. Asked for anew
 * when the server gave nothing, or something else.
 */
export async function representation(
  type: ResourceType,
  id: string | undefined,
  given: unknown,
  preferred: Preferred,
  at: Answering,
): Promise<FhirResource | undefined> {
  if (preferred === 'OperationOutcome') return success;
  if (preferred === 'minimal' || id === undefined) return undefined;
  const isIt = isResource(given) && given.resourceType === type && given['id'] === id;
  const resource = isIt ? given : await at.readOrNothing(type, id);
  return resource && (await at.sees(resource, 'r')) ? resource : undefined;
}

const success: FhirResource = {
  resourceType: 'OperationOutcome',
  issue: [{ severity: 'information', code: 'informational', diagnostics: 'It was carried out.' }],
};

/** What became of the data, by the status that the server answered a write with. */
export function outcomeOf(status: number): 'changed' | 'unchanged' | 'unknown' {
  if (status >= 200 && status < 300) return 'changed';
  return status >= 400 && status < 500 ? 'unchanged' : 'unknown';
}

/** What the caller is told of a write that the server did not carry out; nothing that it says itself of it. */
export function toldOfWrite(status: number, isConditional: boolean): FhirError {
  if (status === 404 || status === 410) return fhirError(404, 'not-found', 'There is no such resource.');
  if (status === 409 || status === 412)
    return isConditional
      ? fhirError(412, 'conflict', 'The resource has another version by now.')
      : fhirError(409, 'conflict', 'The resource was changed by somebody else meanwhile, or others refer to it.');
  if (status === 400 || status === 422)
    return fhirError(422, 'processing', 'The FHIR server does not take this resource.');
  if (status === 403) return fhirError(403, 'forbidden', 'The FHIR server does not let this be written.');
  return fhirError(502, 'transient', 'The FHIR server did not carry this out.');
}

/** The id of a version, out of an `ETag`. */
export function versionIdIn(etag: string | undefined): string | undefined {
  return /^W\/"([A-Za-z0-9\-.]{1,64})"$/.exec(etag ?? '')?.[1];
}

/** Whether a value is an error that a caller is told, and not what became of a write. */
export function isFhirError(answer: WrittenAnswer | FhirError): answer is FhirError {
  return 'body' in answer && isObject(answer.body);
}
