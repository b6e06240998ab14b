import { isUtf8 } from 'node:buffer';
import { isObject } from '../definitions/element-values.js';
import type { FhirRequest } from '../interactions/read-request.js';
import { splitTarget } from '../interactions/request-target.js';
import { readExactJson } from '../writes/exact-json.js';

/** One entry as the request that it would be by itself. */
export interface BundleRequest {
  readonly ok: true;
  /** With `If-None-Exist` as a header, where the entry has it. */
  readonly request: FhirRequest;
  /** What is to be written, or the operations of a JSON Patch; undefined for what has no body. */
  readonly body: unknown;
  readonly fullUrl: string | undefined;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  /** RFC 3339. */
  readonly ifModifiedSince: string | undefined;
}

/** An entry that is no request. `unsupported`: one of a kind that is not taken. */
export interface BundleFault {
  readonly ok: false;
  readonly why: 'malformed' | 'unsupported';
  /** For the caller: names elements, never values. */
  readonly reason: string;
  /** The entry's own, as far as it can be told; for the record. */
  readonly method: string;
}

export type BundleEntry = BundleRequest | BundleFault;

/** A batch or a transaction, or why a body is neither. */
export type ReadBundle =
  | { readonly ok: true; readonly type: 'batch' | 'transaction'; readonly entries: readonly BundleEntry[] }
  | { readonly ok: false; readonly reason: string };

/** Elements that are taken, or say nothing of what is asked. What else stands there could change its meaning. */
const taken = {
  bundle: new Set('resourceType id meta language identifier timestamp type total link entry signature'.split(' ')),
  entry: new Set('id extension link fullUrl resource request'.split(' ')),
  request: new Set('id extension method url ifNoneMatch ifModifiedSince ifMatch ifNoneExist'.split(' ')),
} as const;

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);

/** Which preconditions a method may have: another would be dropped by one server and kept by the next. */
const preconditions: Readonly<Record<string, readonly string[]>> = {
  ifMatch: ['PUT', 'PATCH', 'DELETE'],
  ifNoneMatch: ['GET', 'HEAD'],
  ifModifiedSince: ['GET', 'HEAD'],
  ifNoneExist: ['POST'],
};

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
/** What an entry may call itself (R4, Bundle, 2.36.4): a UUID, an OID, or an absolute URL. */
const fullUrlPattern =
  /^(urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|urn:oid:[0-2](\.\d+)+|https?:\/\/[^\s?#]+)$/i;
const jsonPatch = /^application\/json-patch\+json\s*(;\s*charset="?utf-8"?\s*)?$/i;

/** Thrown inside this file only. */
class Fault extends Error {
  constructor(
    reason: string,
    readonly why: BundleFault['why'] = 'malformed',
  ) {
    super(reason);
  }
}

/**
 * Reads the body of `POST [base]` (R4, RESTful API, 3.1.0.11), which must say itself what it is: servers were seen to run a
 * Bundle without a type as a transaction. A fault of one entry is that entry's; what makes the entries ambiguous is one of all.
 *
 * @param body as `readExactJson` gives it: no key stands twice
 * @param most how many entries are taken
 */
export function readBundle(body: unknown, most: number): ReadBundle {
  try {
    if (!isObject(body) || body['resourceType'] !== 'Bundle') throw new Fault('the body is not a Bundle');
    const { type, entry } = body;
    if (type !== 'batch' && type !== 'transaction') throw new Fault('the Bundle is neither a batch nor a transaction');
    refuseOthers(body, taken.bundle, 'the Bundle');
    if (!Array.isArray(entry) || entry.length === 0) throw new Fault('the Bundle has no entries');
    if (entry.length > most) throw new Fault(`a Bundle has at most ${most} entries`);
    const entries = (entry as readonly unknown[]).map(readEntry);
    const urls = entries.flatMap((it) => (it.ok && it.fullUrl !== undefined ? [it.fullUrl.toLowerCase()] : []));
    if (new Set(urls).size !== urls.length) throw new Fault('two entries have the same fullUrl');
    return { ok: true, type, entries };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { ok: false, reason: error.message };
  }
}

function readEntry(entry: unknown): BundleEntry {
  const request = isObject(entry) && isObject(entry['request']) ? entry['request'] : {};
  const method = typeof request['method'] === 'string' ? request['method'] : '';
  try {
    if (!isObject(entry)) throw new Fault('an entry is no object');
    refuseOthers(entry, taken.entry, 'an entry');
    refuseOthers(request, taken.request, 'a request');
    if (!METHODS.has(method)) throw new Fault('request.method is none of FHIR');
    const given = (name: string) => preconditionOf(request, name, method);
    const ifNoneExist = given('ifNoneExist');
    const ifModifiedSince = given('ifModifiedSince');
    if (ifModifiedSince !== undefined && !instant.test(ifModifiedSince))
      throw new Fault('request.ifModifiedSince is no instant');
    return {
      ok: true,
      request: {
        method,
        ...targetOf(request['url']),
        headers: ifNoneExist === undefined ? {} : { 'if-none-exist': ifNoneExist },
      },
      body: bodyOf(entry['resource'], method),
      fullUrl: fullUrlOf(entry['fullUrl']),
      ifMatch: given('ifMatch'),
      ifNoneMatch: given('ifNoneMatch'),
      ifModifiedSince,
    };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { ok: false, why: error.why, reason: error.message, method };
  }
}

function refuseOthers(value: object, known: ReadonlySet<string>, what: string): void {
  const other = Object.keys(value).find((name) => !known.has(name));
  if (other !== undefined) throw new Fault(`${what} has an element that is not taken here`);
}

/** Relative to the base: nothing is cut off or resolved, so that it is read as exactly as a request line. */
function targetOf(url: unknown): Pick<FhirRequest, 'path' | 'query'> {
  if (typeof url !== 'string') throw new Fault('request.url is missing');
  if (/^([A-Za-z][A-Za-z0-9+.-]*:|\/)/.test(url))
    throw new Fault('request.url is to be relative to the base, and without a slash before it');
  const target = splitTarget(`/${url}`, '');
  if (!target) throw new Fault('request.url is not one');
  return target;
}

function preconditionOf(request: Readonly<Record<string, unknown>>, name: string, method: string): string | undefined {
  const value = request[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') throw new Fault(`request.${name} is no text`);
  if (preconditions[name]?.includes(method) !== true) throw new Fault(`request.${name} says nothing of a ${method}`);
  return value;
}

function fullUrlOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !fullUrlPattern.test(value))
    throw new Fault('fullUrl is neither a UUID, nor an OID, nor an absolute URL');
  return value;
}

function bodyOf(resource: unknown, method: string): unknown {
  switch (method) {
    case 'POST':
    case 'PUT':
      if (resource === undefined) throw new Fault(`a ${method} has a resource`);
      return resource;
    case 'PATCH':
      return patchIn(resource);
    default:
      if (resource !== undefined) throw new Fault(`a ${method} has no resource`);
      return undefined;
  }
}

/** The operations of a JSON Patch, which stands in a Bundle as a Binary (R4, RESTful API, 3.1.0.8.1.2). */
function patchIn(resource: unknown): unknown {
  const binary = isObject(resource) && resource['resourceType'] === 'Binary' ? resource : undefined;
  const { contentType, data } = binary ?? {};
  if (typeof contentType !== 'string' || !jsonPatch.test(contentType))
    throw new Fault(
      'a patch is a JSON Patch in a Binary (application/json-patch+json); FHIRPath and XML patches are not taken',
      'unsupported',
    );
  if (typeof data !== 'string' || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(data))
    throw new Fault('the data of a patch is not base64');
  const bytes = Buffer.from(data, 'base64');
  if (!isUtf8(bytes)) throw new Fault('a patch is not UTF-8');
  const read = readExactJson(bytes.toString('utf8'));
  if (!read.ok) throw new Fault(`in a patch ${read.reason}`);
  return read.value;
}
