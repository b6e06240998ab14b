import { type Context, isSpanContextValid, SpanKind, trace, TraceFlags } from '@opentelemetry/api';
import { type Sampler, SamplingDecision, type SamplingResult } from '@opentelemetry/sdk-trace';

/**
 * Decides at each request of ours whether its trace is sent, by a draw that nobody outside sees; what follows from it,
 * here or by the log at another service, is sent or not as it is. A caller chooses his trace's id and its flag, but neither
 * makes his spans be sent, nor keeps them from it.
 */
export class EdgeSampler implements Sampler {
  /**
   * @param share of requests whose traces are sent, from 0 to 1
   * @param draw  gives a number from 0 to below 1
   */
  constructor(
    private readonly share: number,
    private readonly draw: () => number = Math.random,
  ) {}

  shouldSample(context: Context, _traceId: string, _name: string, kind: SpanKind): SamplingResult {
    const parent = trace.getSpanContext(context);
    const follows = kind !== SpanKind.SERVER && parent !== undefined && isSpanContextValid(parent);
    const isSent = follows ? (parent.traceFlags & TraceFlags.SAMPLED) !== 0 : this.draw() < this.share;
    return { decision: isSent ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD };
  }

  toString(): string {
    return `EdgeSampler{${this.share}}`;
  }
}
