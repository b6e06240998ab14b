import { ROOT_CONTEXT, SpanKind, trace, TraceFlags } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { EdgeSampler } from './edge-sampler.js';

const [traceId, spanId] = ['a'.repeat(32), 'b'.repeat(16)];
const below = (traceFlags: TraceFlags) => trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags });

/** Whether spans of a kind are sent, for numbers drawn one after the other. */
function sent(kind: SpanKind, context: typeof ROOT_CONTEXT, share: number, ...drawn: number[]): boolean[] {
  const sampler = new EdgeSampler(share, () => drawn.shift() ?? Number.NaN);
  return Array.from(
    { length: Math.max(drawn.length, 1) },
    () => sampler.shouldSample(context, traceId, 'a span', kind).decision === SamplingDecision.RECORD_AND_SAMPLED,
  );
}

describe('whether a trace is sent', () => {
  test.each([
    ['without a caller’s trace', ROOT_CONTEXT],
    ['whose caller wants it', below(TraceFlags.SAMPLED)],
    ['whose caller does not', below(TraceFlags.NONE)],
  ])('is drawn anew at each request %s, of one trace’s id too', (_name, context) => {
    expect(sent(SpanKind.SERVER, context, 0.1, 0.05, 0.5, 0.0999, 0.1)).toEqual([true, false, true, false]);
    expect(sent(SpanKind.SERVER, context, 0, 0)).toEqual([false]);
    expect(sent(SpanKind.SERVER, context, 1, 0.999_999)).toEqual([true]);
  });

  test.each([SpanKind.PRODUCER, SpanKind.CONSUMER])('is not drawn again by what follows from it: %s', (kind) => {
    expect(sent(kind, below(TraceFlags.SAMPLED), 0)).toEqual([true]);
    expect(sent(kind, below(TraceFlags.NONE), 1)).toEqual([false]);
  });

  test('is drawn for what follows from no request, as a clock’s command', () => {
    expect(sent(SpanKind.PRODUCER, ROOT_CONTEXT, 0.1, 0.05, 0.5)).toEqual([true, false]);
  });
});
