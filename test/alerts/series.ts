/** Names and values of labels; the metric's own name is `__name__`, as in Prometheus. */
export type Labels = Readonly<Record<string, string>>;

/** One value of a series; undefined where a scrape no longer had it, after which it is gone. */
export interface Sample {
  /** In milliseconds. */
  readonly time: number;
  readonly value: number | undefined;
}

export interface Series {
  readonly labels: Labels;
  readonly samples: readonly Sample[];
}

/** What was scraped, by series and in order of time. */
export class SeriesStore {
  readonly #all = new Map<string, { readonly labels: Labels; readonly samples: Sample[] }>();

  /** Later than all that the series has. */
  add(labels: Labels, sample: Sample): void {
    const key = labelsKey(labels);
    const series = this.#all.get(key) ?? { labels, samples: [] };
    this.#all.set(key, series);
    series.samples.push(sample);
  }

  all(): Iterable<Series> {
    return this.#all.values();
  }
}

/** Equal for equal labels, in whatever order. */
export function labelsKey(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** A number as Prometheus takes them: `+Inf` and `Nan`, in whatever case, are some. */
export function numberIn(text: string): number {
  const named = { '+inf': Infinity, inf: Infinity, '-inf': -Infinity, nan: NaN }[text.toLowerCase()];
  const found = named ?? Number(text);
  if (Number.isNaN(found) && named === undefined) throw new Error(`${text} is no number`);
  return found;
}

/** A duration as Prometheus writes them (`90s`, `1m30s`), in milliseconds. */
export function durationIn(text: string): number {
  const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
  if (!/^(\d+(ms|[smhd]))+$/.test(text)) throw new Error(`${text} is no duration`);
  return [...text.matchAll(/(\d+)(ms|[smhd])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * units[unit as keyof typeof units],
    0,
  );
}
