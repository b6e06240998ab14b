import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HandledRecord, TraceParent } from '#event-log';
import {
  type Attributes,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { correlationId, traceparent, withTrace } from '../logging/request-context.js';
import { EdgeSampler } from './edge-sampler.js';
import type { Tracing } from './tracing.js';

/** What spans are told of: the collector, and the service as it is known there. */
export interface TracingOptions {
  readonly endpoint: string;
  /** `name=value` each. */
  readonly headers: readonly string[];
  readonly share: number;
  readonly service: string;
  readonly version: string;
}

const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/**
 * Spans of HTTP requests and of records, by OpenTelemetry's SDK, with its semantic conventions' names. A caller's
 * `traceparent` continues its trace; whether it is sent is ours to say.
 */
export class OpenTelemetry implements Tracing {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #ofResponses = new WeakMap<ServerResponse, { readonly method: string; readonly span: Span }>();

  constructor({ endpoint, headers, share, service, version }: TracingOptions) {
    const pairs = headers.map((pair): [string, string] => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at), pair.slice(at + 1)];
    });
    const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, headers: Object.fromEntries(pairs) });
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({
        'service.namespace': 'gatehouse',
        'service.name': service,
        'service.version': version,
      }),
      sampler: new EdgeSampler(share),
      spanProcessors: [new BatchSpanProcessor({ exporter })],
    });
    this.#tracer = this.#provider.getTracer('gatehouse', version);
  }

  received(request: IncomingMessage, response: ServerResponse): TraceParent | undefined {
    const given = request.headers['traceparent'];
    const { method = '' } = request;
    const span = this.#begin(method, SpanKind.SERVER, typeof given === 'string' ? given : undefined, {
      'http.request.method': method,
    });
    this.#ofResponses.set(response, { method, span });
    response.once('close', () => {
      if (response.headersSent) span.setAttribute('http.response.status_code', response.statusCode);
      // Of a server's span a client's fault is no error (semantic conventions, HTTP spans, Status).
      if (!response.writableFinished || response.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    });
    return parentOf(span);
  }

  routed(response: ServerResponse, route: string): void {
    const { method, span } = this.#ofResponses.get(response) ?? {};
    span?.updateName(`${method} ${route}`).setAttribute('http.route', route);
  }

  async sends<T>(topic: string, work: (parent: TraceParent | undefined) => Promise<T>): Promise<T> {
    const span = this.#begin(`send ${topic}`, SpanKind.PRODUCER, traceparent(), messaging(topic, 'send'));
    return await during(span, () => work(parentOf(span)));
  }

  begins(topic: string, parent: TraceParent | undefined): HandledRecord {
    const span = this.#begin(`process ${topic}`, SpanKind.CONSUMER, parent, messaging(topic, 'process'));
    const end = (isHandled: boolean): void => {
      if (!isHandled) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    };
    return { parent: parentOf(span), end };
  }

  async follows<T>(topic: string, parent: TraceParent | undefined, work: () => Promise<T>): Promise<T> {
    const span = this.#begin(`process ${topic}`, SpanKind.CONSUMER, parent, messaging(topic, 'process'));
    return await during(span, () => withTrace(parentOf(span), work));
  }

  async close(): Promise<void> {
    await this.#provider.shutdown();
  }

  #begin(name: string, kind: SpanKind, parent: TraceParent | undefined, attributes: Attributes): Span {
    const id = correlationId();
    const own = id === undefined ? attributes : { ...attributes, 'gatehouse.correlation_id': id };
    return this.#tracer.startSpan(name, { kind, attributes: own }, contextOf(parent));
  }
}

async function during<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // Its message may name anything: the log has it, under the same correlation id.
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

function messaging(topic: string, operation: 'send' | 'process'): Attributes {
  return {
    'messaging.system': 'kafka',
    'messaging.destination.name': topic,
    'messaging.operation.type': operation,
  };
}

/** W3C Trace Context §3.2.2, version 00; what is malformed begins a trace of its own. */
function contextOf(parent: TraceParent | undefined) {
  const [, traceId, spanId, flags] = (parent === undefined ? undefined : form.exec(parent)) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
  return isSpanContextValid(context) ? trace.setSpanContext(ROOT_CONTEXT, context) : ROOT_CONTEXT;
}

function parentOf(span: Span): TraceParent {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
