import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** What every log line and record of one request carries. */
export interface RequestContext {
  readonly correlationId: string;
  /** Its place in a trace (W3C Trace Context), where traces are followed. */
  readonly traceparent?: string | undefined;
}

const storage = new AsyncLocalStorage<Partial<RequestContext>>();

/** Runs `work` for a request, or a record that carries what one left. */
export function withContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

/** Runs `work` at another place of a trace, with the correlation id at hand. */
export function withTrace<T>(traceparent: string, work: () => T): T {
  return storage.run({ ...storage.getStore(), traceparent }, work);
}

/** The correlation id of the request or record being worked on, if any. */
export function correlationId(): string | undefined {
  return storage.getStore()?.correlationId;
}

/** The place in a trace of the request or record being worked on, as the header of that name has it; undefined where it is not followed. */
export function traceparent(): string | undefined {
  return storage.getStore()?.traceparent;
}

/**
 * The header by which whoever asks names a request for itself (AuthZEN 1.0, Request Identification): it is given back as it
 * came, and means nothing here. Undefined where there is none, or it is more than an id.
 */
export function requestIdOf({ 'x-request-id': given }: IncomingHttpHeaders): string | undefined {
  return typeof given === 'string' && /^[\x21-\x7e]{1,128}$/.test(given) ? given : undefined;
}

const plainId = /^[\w.:-]{1,64}$/;
const traced = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** `X-Correlation-Id` where it is 1 to 64 letters, digits, `_ . : -`; else the trace id of `traceparent` (W3C Trace Context §3.2); else a new one. */
export function correlationIdOf(headers: IncomingHttpHeaders): string {
  const own = headers['x-correlation-id'];
  if (typeof own === 'string' && plainId.test(own)) return own;
  const trace = headers['traceparent'];
  return (typeof trace === 'string' ? traced.exec(trace)?.[1] : undefined) ?? randomUUID();
}
