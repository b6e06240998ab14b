import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { type Alert, AlertRules } from './alert-rules.js';
import { provokedIn } from './provoked.js';
import { readPromql, seriesLabels } from './promql.js';
import { durationIn, type Labels, labelsKey, numberIn, type Sample, SeriesStore } from './series.js';

/** What promtool is given (https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules). */
interface PromtoolTests {
  readonly evaluation_interval: string;
  readonly tests: readonly {
    readonly name: string;
    readonly interval: string;
    readonly input_series: readonly { readonly series: string; readonly values: string }[];
    readonly alert_rule_test?: readonly {
      readonly eval_time: string;
      readonly alertname: string;
      readonly exp_alerts?: readonly {
        readonly exp_labels: Labels;
        readonly exp_annotations: Readonly<Record<string, string>>;
      }[];
    }[];
    readonly promql_expr_test?: readonly {
      readonly expr: string;
      readonly eval_time: string;
      readonly exp_samples: readonly { readonly labels: string; readonly value: number }[];
    }[];
  }[];
}

const file = 'deploy/prometheus/gatehouse.rules.test.yml';
const { evaluation_interval: interval, tests } = parse(readFileSync(file, 'utf8')) as PromtoolTests;

/** `0x20 0+15x40`: each value so many times more, with its step; `_` is none. */
function valuesIn(text: string): (number | undefined)[] {
  return text.split(' ').flatMap((word) => {
    const [, none, from = '', step, times] = /^(?:(_)|(-?[\d.]+)([+-][\d.]+)?)(?:x(\d+))?$/.exec(word) ?? [];
    if (none !== undefined) return new Array<undefined>(Number(times ?? 1)).fill(undefined);
    return Array.from({ length: Number(times ?? 0) + 1 }, (_, count) => numberIn(from) + Number(step ?? 0) * count);
  });
}

/** Evaluates the rules as often as the file says; gives what fired at each time, and everything with ALERTS in a store. */
function run({ interval: every, input_series: series }: PromtoolTests['tests'][number]) {
  const given = series.flatMap(({ series: name, values }) =>
    valuesIn(values).flatMap((value, index): { labels: Labels; sample: Sample }[] =>
      value === undefined ? [] : [{ labels: seriesLabels(name), sample: { time: index * durationIn(every), value } }],
    ),
  );
  const store = new SeriesStore();
  for (const { labels, sample } of given) store.add(labels, sample);
  const rules = new AlertRules();
  const firing = new Map<number, readonly Alert[]>();
  const raised = new Map<string, Labels>();
  const end = Math.max(...given.map(({ sample }) => sample.time));
  for (let time = 0; time <= end; time += durationIn(interval)) {
    const alerts = rules.evaluate(store, time);
    firing.set(
      time,
      alerts.filter(({ state }) => state === 'firing'),
    );
    const now = new Map(
      alerts.map(({ alertname, state, labels }) => {
        const all = { __name__: 'ALERTS', alertname, alertstate: state, ...labels };
        return [labelsKey(all), all] as const;
      }),
    );
    for (const [key, labels] of raised) if (!now.has(key)) store.add(labels, { time, value: undefined });
    raised.clear();
    for (const [key, labels] of now) {
      raised.set(key, labels);
      store.add(labels, { time, value: 1 });
    }
  }
  return { store, firing };
}

describe('the rules, read here, on the series that promtool is given', () => {
  it.each(tests)('$name', (test) => {
    const { store, firing } = run(test);
    for (const { eval_time: at, alertname, exp_alerts: wanted = [] } of test.alert_rule_test ?? []) {
      const found = firing.get(durationIn(at))?.filter((alert) => alert.alertname === alertname);
      const told = found?.map(({ labels, annotations }) => ({ exp_labels: labels, exp_annotations: annotations }));
      expect([alertname, at, told]).toEqual([alertname, at, wanted]);
    }
    for (const { eval_time: at, expr, exp_samples: wanted } of test.promql_expr_test ?? []) {
      const found = readPromql(expr)(store, durationIn(at));
      expect(found.map(({ labels, value }) => `${shown(labels)} ${value}`).sort()).toEqual(
        wanted.map(({ labels, value }) => `${labels} ${value}`).sort(),
      );
    }
  });
});

/** As the file writes labels. */
function shown(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return `{${pairs.join(', ')}}`;
}

it('each alert is raised by a real fault in some test', () => {
  expect(Object.keys(provokedIn).sort()).toEqual(new AlertRules().names.toSorted());
  for (const [alert, test] of Object.entries(provokedIn))
    expect(readFileSync(test, 'utf8')).toContain(`.fires('${alert}'`);
});

describe('the reader of PromQL', () => {
  const at = (text: string, expression: string, time = 601_000): number[] => {
    const store = new SeriesStore();
    for (const line of text.split('\n')) {
      const [name = '', values = ''] = line.split(': ');
      valuesIn(values).forEach((value, index) => store.add(seriesLabels(name), { time: index * 60_000, value }));
    }
    return readPromql(expression)(store, time).map(({ value }) => value);
  };

  // As promtool evaluates them, at 10m1s.
  it.each([
    ['increase(a[5m])', 'a: 0+60x10', [300]],
    ['rate(a[5m])', 'a: 0+60x10', [1]],
    ['rate(a[5m])', 'a: 0+60x7 0+60x2', [0.75]],
    ['increase(a[5m])', 'a: 0x7 1x3', [1.0041666667]],
    ['increase(a[5m])', 'a: _x7 1x3', [0]],
    ['increase(a[5m])', 'a: _x10 1', []],
    ['delta(a[5m])', 'a: 10-1x10', [-5]],
    ['delta(a[5m])', 'a: 0x7 1x3', [1.25]],
    ['a > 3', 'a: 5x10', [5]],
    ['a < 3', 'a: 5x10', []],
    ['a', 'a: 5x4', []],
    ['a', 'a: 5x5', []],
    ['a', 'a: 5x6', [5]],
    ['sum(a) / count(a)', 'a{b="1"}: 5x10\na{b="2"}: 7x10', [6]],
    ['a / b', 'a{b="1"}: 5x10\nb{b="2"}: 7x10', []],
    ['min(a)', 'a{b="1"}: 5x10\na{b="2"}: 7x10', [5]],
    ['max by (c) (a)', 'a{b="1"}: 5x10\na{b="2"}: 7x10', [7]],
    ['absent(a)', 'a: 5x10', []],
    ['absent(a{b="2"})', 'a{b="1"}: 5x10', [1]],
    ['a{b="1"} or a', 'a{b="1"}: 5x10\na{b="2"}: 7x10', [5, 7]],
    ['a > 6 or b', 'a: 5x10\nb: 7x10', [7]],
    ['a or b', 'a: 5x10\nb: 7x10', [5]],
    ['a{b=~"1|3"}', 'a{b="1"}: 5x10\na{b="13"}: 7x10', [5]],
    ['histogram_quantile(0.5, a)', 'a{le="1"}: 2x10\na{le="2"}: 6x10\na{le="+Inf"}: 6x10', [1.25]],
    ['histogram_quantile(0.99, a)', 'a{le="1"}: 2x10\na{le="2"}: 6x10\na{le="+Inf"}: 8x10', [2]],
    ['histogram_quantile(0.5, a)', 'a{le="1"}: 0x10\na{le="+Inf"}: 0x10', [NaN]],
  ])('gives %s of %s', (expression, series, wanted) => {
    const found = at(series, expression);
    expect(found.map((value) => Number(value.toFixed(10)))).toEqual(wanted);
  });

  it.each([
    'avg(a)',
    'a offset 5m',
    'a == bool 0',
    'sum without (b) (a)',
    'irate(a[5m])',
    'absent(a > 1)',
    'a > b',
    '-a > 1',
    'a > (',
    '',
  ])('refuses %s, which it does not know', (expression) => {
    expect(() => readPromql(expression)).toThrow(/does not know|empty/);
  });
});
