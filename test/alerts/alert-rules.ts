import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { readPromql } from './promql.js';
import { nameless, type Vector } from './promql-vectors.js';
import { durationIn, type Labels, labelsKey, type SeriesStore } from './series.js';

/** An alert as Alertmanager is sent it. */
export interface Alert {
  readonly alertname: string;
  readonly state: 'pending' | 'firing';
  readonly labels: Labels;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Labels;
  readonly annotations?: Readonly<Record<string, string>>;
}

const RULES = 'deploy/prometheus/gatehouse.rules.yml';

/** The rules of deploy/prometheus, evaluated one time after the other as Prometheus does. */
export class AlertRules {
  readonly names: readonly string[];
  readonly #rules: readonly (Rule & { readonly evaluate: (store: SeriesStore, time: number) => Vector })[];
  /** Since when each rule has held, by rule and labels. */
  readonly #since = new Map<string, number>();

  constructor() {
    const { groups } = parse(readFileSync(RULES, 'utf8')) as { readonly groups: readonly { readonly rules: Rule[] }[] };
    this.#rules = groups.flatMap(({ rules }) => rules).map((rule) => ({ ...rule, evaluate: readPromql(rule.expr) }));
    this.names = this.#rules.map(({ alert }) => alert);
  }

  /** What is pending and what fires now. @param time in milliseconds; later than any before */
  evaluate(store: SeriesStore, time: number): readonly Alert[] {
    const held = new Set<string>();
    const alerts = this.#rules.flatMap(({ alert, for: waits = '0s', labels: own, annotations = {}, evaluate }) =>
      evaluate(store, time).map(({ labels: of, value }): Alert => {
        const found = nameless(of);
        const labels = { ...found, ...own };
        const key = alert + labelsKey(labels);
        held.add(key);
        const since = this.#since.get(key) ?? time;
        this.#since.set(key, since);
        return {
          alertname: alert,
          state: time - since >= durationIn(waits) ? 'firing' : 'pending',
          labels,
          annotations: Object.fromEntries(
            Object.entries(annotations).map(([name, text]) => [name, filledIn(text, found, value)]),
          ),
        };
      }),
    );
    for (const key of this.#since.keys()) if (!held.has(key)) this.#since.delete(key);
    return alerts;
  }
}

/** The two forms of Go's templates that our annotations have. */
function filledIn(text: string, labels: Labels, value: number): string {
  return text.replace(/\{\{(.*?)\}\}/g, (_whole, inside: string) => {
    const [, label] = /^ \$labels\.(\w+) $/.exec(inside) ?? [];
    if (label !== undefined) return labels[label] ?? '';
    if (inside === ' $value ') return String(value);
    throw new Error(`this reader of rules does not know {{${inside}}}`);
  });
}
