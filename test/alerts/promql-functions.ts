import type { Vector } from './promql-vectors.js';
import { labelsKey, numberIn, type Sample } from './series.js';

/** Beyond so many times the usual distance of samples the edge of the range is not extrapolated to. */
const FAR = 1.1;

/**
 * `increase()` of a counter, or `delta()` of a gauge: what came within the range, with its resets, extrapolated to the range's edges as Prometheus
 * does. Undefined for fewer than two samples.
 *
 * @param range it begins after `end - rangeMs`, in milliseconds
 */
export function extrapolated(
  samples: readonly Sample[],
  range: { readonly end: number; readonly rangeMs: number },
  kind: 'counter' | 'gauge' = 'counter',
): number | undefined {
  const start = range.end - range.rangeMs;
  const within = samples.flatMap(({ time, value }) =>
    value !== undefined && time > start && time <= range.end ? [{ time, value }] : [],
  );
  const [first, last] = [within[0], within.at(-1)];
  if (first === undefined || last === undefined || within.length < 2) return undefined;
  const resets = within.reduce((sum, { value }, index) => {
    const before = within[index - 1]?.value ?? 0;
    return kind === 'counter' && value < before ? sum + before : sum;
  }, 0);
  const increase = last.value - first.value + resets;
  const sampled = last.time - first.time;
  const usual = sampled / (within.length - 1);
  const edge = (distance: number): number => (distance >= usual * FAR ? usual / 2 : distance);
  // A counter is not below nought: it is not extrapolated to before it began.
  const toNought = kind === 'counter' && increase > 0 ? sampled * (first.value / increase) : Infinity;
  const before = Math.min(edge(first.time - start), toNought);
  return (increase * (sampled + before + edge(range.end - last.time))) / sampled;
}

/** `histogram_quantile()` of classic buckets: linear within the bucket that has it. */
export function histogramQuantile(share: number, buckets: Vector): Vector {
  const histograms = Map.groupBy(buckets, ({ labels: { le: _le, __name__: _name, ...labels } }) => labelsKey(labels));
  return [...histograms.values()].map((each) => {
    const { le: _le, __name__: _name, ...labels } = each[0]?.labels ?? {};
    const sorted = each
      .map(({ labels: { le = '' }, value }) => ({ bound: numberIn(le), count: value }))
      .sort((one, other) => one.bound - other.bound);
    return { labels, value: quantileOf(share, sorted) };
  });
}

function quantileOf(share: number, buckets: readonly { readonly bound: number; readonly count: number }[]): number {
  const all = buckets.at(-1);
  if (all?.bound !== Infinity || buckets.length < 2 || all.count === 0) return NaN;
  const rank = share * all.count;
  const index = buckets.findIndex(({ count }) => count >= rank);
  const [before, bucket] = [buckets[index - 1], buckets[index]];
  if (bucket === undefined) return NaN;
  if (bucket === all) return before?.bound ?? NaN;
  const [bound, count] = [before?.bound ?? 0, before?.count ?? 0];
  return bound + (bucket.bound - bound) * ((rank - count) / (bucket.count - count));
}
