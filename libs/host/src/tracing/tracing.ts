import type { IncomingMessage, ServerResponse } from 'node:http';
import { type LogTracer, noTracer, type TraceParent } from '#event-log';

/** Whom a process tells what it does because of what. */
export interface Tracing extends LogTracer {
  /** A request came; it is over when the response is closed. Gives the place in the trace of what is done for it. */
  received(request: IncomingMessage, response: ServerResponse): TraceParent | undefined;
  /** By which route's template a request is answered: never the path, which may hold personal data. */
  routed(response: ServerResponse, route: string): void;
  /** Sends what was gathered, and gathers no more. */
  close(): Promise<void>;
}

/** Without a collector nothing is followed, and nothing is loaded that would. */
export const noTracing: Tracing = {
  received: () => undefined,
  routed: () => undefined,
  close: () => Promise.resolve(),
  ...noTracer,
};
