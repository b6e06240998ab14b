import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { readExactJson, type WriteInteraction } from '#smart';
import { NotAnswered } from '../answer/not-answered.js';
import type { BodyLease } from '../ask-upstream/body-memory.js';
import { fhirError } from '../proxy/operation-outcome.js';
import { readBounded } from '../proxy/read-form.js';

const resourceType = /^application\/(fhir\+)?json\s*(;\s*(charset="?utf-8"?|fhirVersion="?4\.0"?)\s*)*$/i;
const patchType = /^application\/json-patch\+json\s*(;\s*charset="?utf-8"?\s*)?$/i;

/**
 * Reads what a request wants to be written, as JSON.
 *
 * @param most the largest body that is taken, in bytes
 * @throws NotAnswered
 */
export async function readWrittenBody(
  request: IncomingMessage,
  kind: WriteInteraction['kind'],
  most: number,
  memory: BodyLease,
): Promise<unknown> {
  if (kind === 'delete' || kind === 'conditional-delete') return undefined;
  mustBeJson(request.headers, kind);
  const bytes = await readBounded(request, most);
  if (!bytes)
    throw new NotAnswered(fhirError(413, 'too-long', `A body has at most ${most} bytes.`), 'too large a body');
  if (!memory.take(bytes.length))
    throw new NotAnswered(
      fhirError(503, 'transient', 'The gateway holds too many large bodies now.', { 'Retry-After': '2' }),
      'no memory for the body',
    );
  return readJsonBytes(bytes);
}

/**
 * The same, of a body that was read already.
 *
 * @throws NotAnswered
 */
export function jsonOfWrite(headers: IncomingHttpHeaders, kind: WriteInteraction['kind'], bytes: Uint8Array): unknown {
  if (kind === 'delete' || kind === 'conditional-delete') return undefined;
  mustBeJson(headers, kind);
  return readJsonBytes(bytes);
}

function mustBeJson(headers: IncomingHttpHeaders, kind: WriteInteraction['kind']): void {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = headers;
  if (encoding !== 'identity') throw unsupported('a compressed body is not taken');
  if (kind === 'patch' || kind === 'conditional-patch') {
    if (!patchType.test(type))
      throw unsupported(
        'a patch is a JSON Patch (application/json-patch+json); FHIRPath and XML patches are not taken',
      );
  } else if (!resourceType.test(type)) throw unsupported('the body must be JSON: application/fhir+json, in UTF-8');
}

/** @throws NotAnswered when it is not JSON, or could be read in two ways */
function readJsonBytes(bytes: Uint8Array): unknown {
  const read = readExactJson(utf8In(bytes));
  if (!read.ok) throw malformed(read.reason);
  return read.value;
}

function utf8In(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw malformed('the body is not UTF-8');
  }
}

/** 400: a body that is not what it must be. */
export function malformed(reason: string): NotAnswered {
  return new NotAnswered(fhirError(400, 'invalid', sentence(reason)), reason);
}

/** 415: a body of a kind that is not taken. */
export function unsupported(reason: string): NotAnswered {
  return new NotAnswered(fhirError(415, 'not-supported', sentence(reason)), reason);
}

function sentence(reason: string): string {
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;
}
