import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** What every log line and record of one request carries. */
export interface RequestContext {
  readonly correlationId: string;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work` with the given correlation id; used for requests, and for records that carry one. */
export function withCorrelation<T>(id: string, work: () => T): T {
  return storage.run({ correlationId: id }, work);
}

/** The correlation id of the request or record being worked on, if any. */
export function correlationId(): string | undefined {
  return storage.getStore()?.correlationId;
}

const plainId = /^[\w.:-]{1,64}$/;
const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** `X-Correlation-Id` where it is 1 to 64 letters, digits, `_ . : -`; else the trace id of `traceparent` (W3C Trace Context §3.2); else a new one. */
export function correlationIdOf(headers: IncomingHttpHeaders): string {
  const own = headers['x-correlation-id'];
  if (typeof own === 'string' && plainId.test(own)) return own;
  const trace = headers['traceparent'];
  return (typeof trace === 'string' ? traceparent.exec(trace)?.[1] : undefined) ?? randomUUID();
}
