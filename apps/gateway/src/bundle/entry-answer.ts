import type { BundleEntry, FhirResource } from '#smart';
import type { CheckedAnswer } from '../answer/answering.js';
import { isNotModified } from '../answer/not-modified.js';
import { type FhirError, fhirError } from '../proxy/operation-outcome.js';
import { othersTold, patientsTold } from '../proxy/leaving.js';
import { locationOf } from '../write/send-written.js';
import type { Bases } from '../write/write-outcomes.js';
import type { WrittenAnswer } from '../write/written-answer.js';
import type { BundleBounds } from './bundle-bounds.js';

/** What an entry is answered with. URLs in it are still the FHIR server's. */
export interface EntryAnswer {
  readonly status: number;
  /** A resource as JSON. */
  readonly resource?: string;
  readonly fullUrl?: string;
  readonly location?: string;
  readonly etag?: string;
  /** RFC 3339. */
  readonly lastModified?: string;
  /** An OperationOutcome. */
  readonly outcome?: object;
  /** The ids on the FHIR server of the patients of what it shows. */
  readonly patients: readonly string[];
  /** For its record: it tells of others, too. */
  readonly patientsIncomplete?: true;
}

/** The answer to an entry that reads; its preconditions are kept here, as those of a call by itself. */
export function readAnswer(answer: CheckedAnswer, asked: BundleEntry, bases: Bases, bounds: BundleBounds): EntryAnswer {
  const { resource, text, etag, lastModified } = answer;
  const { ifNoneMatch, ifModifiedSince, method } = asked.ok ? { ...asked, ...asked.request } : { method: asked.method };
  const headers = {
    ...(ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch }),
    ...(ifModifiedSince === undefined ? {} : { 'if-modified-since': ifModifiedSince }),
  };
  const version = { ...(etag === undefined ? {} : { etag }), ...instantOf(lastModified) };
  const isBare = isNotModified(headers, answer);
  const told = { ...othersTold(answer), patients: patientsTold(answer, [bases.upstream, bases.ours]) };
  if (isBare || method === 'HEAD') return { status: isBare ? 304 : 200, ...version, ...told };
  const json = text ?? JSON.stringify(resource);
  if (!bounds.take(Buffer.byteLength(json))) return errorAnswer(tooLarge);
  return { status: 200, ...fullUrlOf(resource, bases), resource: json, ...version, ...told };
}

/** The answer to an entry that wrote; what there is no room for is not shown of it. */
export function writtenAnswer(answer: WrittenAnswer, bases: Bases, bounds: BundleBounds): EntryAnswer {
  const { status, id, etag, lastModified, resource } = answer;
  const isOutcome = resource?.resourceType === 'OperationOutcome';
  const json = resource && !isOutcome ? JSON.stringify(resource) : undefined;
  const isShown = json !== undefined && bounds.take(Buffer.byteLength(json));
  return {
    status,
    ...(resource && isShown ? { ...fullUrlOf(resource, bases), resource: json } : {}),
    ...(id === undefined || status === 204 ? {} : { location: locationOf(answer, bases.ours) }),
    ...(etag === undefined ? {} : { etag }),
    ...instantOf(lastModified),
    ...(isOutcome ? { outcome: resource } : {}),
    // Whom it is about stands in the records of the write.
    patients: [],
  };
}

/** The answer to an entry that was refused, or failed. */
export function errorAnswer({ status, body }: FhirError): EntryAnswer {
  return { status, outcome: body, patients: [] };
}

/** The Bundle that answers one, as JSON (R4, RESTful API, 3.1.0.11.2): its entries in the order of those asked. */
export function bundleText(type: 'batch' | 'transaction', answers: readonly EntryAnswer[]): string {
  const entries = answers.map(({ status, resource, fullUrl, location, etag, lastModified, outcome }) => {
    const response = { status: String(status), location, etag, lastModified, outcome };
    const parts = [
      ...(fullUrl === undefined ? [] : [`"fullUrl":${JSON.stringify(fullUrl)}`]),
      ...(resource === undefined ? [] : [`"resource":${resource}`]),
      `"response":${JSON.stringify(response)}`,
    ];
    return `{${parts.join(',')}}`;
  });
  return `{"resourceType":"Bundle","type":"${type}-response","entry":[${entries.join(',')}]}`;
}

function fullUrlOf(resource: FhirResource, { upstream }: Bases): Pick<EntryAnswer, 'fullUrl'> {
  const { resourceType, id } = resource;
  return typeof id === 'string' ? { fullUrl: `${upstream}/${resourceType}/${id}` } : {};
}

/** In a Bundle it is an instant, and no date of HTTP. */
function instantOf(lastModified: string | undefined): Pick<EntryAnswer, 'lastModified'> {
  const time = Date.parse(lastModified ?? '');
  return Number.isNaN(time) ? {} : { lastModified: new Date(time).toISOString() };
}

const tooLarge = fhirError(
  403,
  'too-costly',
  'The answers to this Bundle are larger than the gateway holds; ask for less in one.',
);
