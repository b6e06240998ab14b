import { once } from 'node:events';
import { createServer } from 'node:http';

/** A span as it was sent (OTLP over HTTP, JSON). */
export interface SentSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: 'server' | 'producer' | 'consumer' | 'other';
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** OTLP's numbers of span kinds that we use. */
const kinds = new Map<number, SentSpan['kind']>([
  [2, 'server'],
  [4, 'producer'],
  [5, 'consumer'],
]);

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Batch {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<SentSpan, 'kind' | 'attributes' | 'service'> & {
        readonly kind: number;
        readonly attributes: readonly Attribute[];
      })[];
    }[];
  }[];
}

/** Takes what a collector would; a collector is somebody else's program. */
export async function startCollector() {
  const spans: SentSpan[] = [];
  const sent: string[] = [];
  const keys: unknown[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      sent.push(text);
      keys.push(request.headers['x-key']);
      spans.push(...spansIn(JSON.parse(text) as Batch));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    spans,
    /** All that was sent, as it was sent. */
    sent,
    /** The header `x-key` of each request. */
    keys,
    async close(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function spansIn({ resourceSpans }: Batch): readonly SentSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(valuesOf(resource.attributes)['service.name']);
    return scopeSpans
      .flatMap((scope) => scope.spans)
      .map(({ kind, attributes, name, traceId, spanId, parentSpanId }) => ({
        ...{ service, name, traceId, spanId, parentSpanId },
        kind: kinds.get(kind) ?? ('other' as const),
        attributes: valuesOf(attributes),
      }));
  });
}

function valuesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
