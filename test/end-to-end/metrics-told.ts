import { readFile } from 'node:fs/promises';

/** What `/metrics` gave: the names of all metrics, and each sample by its name with its labels as they stand there. */
export interface Scrape {
  readonly names: ReadonlySet<string>;
  readonly samples: ReadonlyMap<string, number>;
}

/** Reads `/metrics` of a service (Prometheus' text format). */
export async function scrape(url: string): Promise<Scrape> {
  const response = await fetch(`${url}/metrics`);
  const lines = (await response.text()).split('\n');
  const names = lines.flatMap((line) => /^# TYPE (\w+) /.exec(line)?.[1] ?? []);
  const samples = lines.flatMap((line): [string, number][] => {
    const [, sample = '', value] = /^(\w+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    return value === undefined ? [] : [[sample, Number(value)]];
  });
  return { names: new Set(names), samples: new Map(samples) };
}

/** The names of the metrics in a text, without what a histogram adds to them. */
function namedIn(text: string): string[] {
  const found = text.match(/\b(?:gatehouse|nodejs|process)_[a-z0-9_]+_[a-z0-9_]+/g) ?? [];
  return [...new Set(found.map((name) => name.replace(/_(?:bucket|count|sum)$/, '')))];
}

/** The metrics that the reference, the rules and the dashboard name, and the alerts with what explains and tries them. */
export async function instruments() {
  const [reference, rules, dashboard, runbook, tried] = await Promise.all(
    [
      'docs/metrics.md',
      'deploy/prometheus/gatehouse.rules.yml',
      'deploy/grafana/gatehouse.json',
      'docs/runbooks/alerts.md',
      'deploy/prometheus/gatehouse.rules.test.yml',
    ].map((file) => readFile(file, 'utf8')),
  );
  const all = (text = '', pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, found = '']) => found);
  return {
    reference: all(reference, /^\| `(gatehouse_\w+)`/gm),
    shown: namedIn(dashboard ?? ''),
    used: [...new Set([...namedIn(rules ?? ''), ...namedIn(dashboard ?? '')])],
    alerts: all(rules, /^ +- alert: (\w+)$/gm),
    links: all(rules, /^ +runbook: (\S+)$/gm),
    sections: all(runbook, /^## (\w+)$/gm),
    tried: [...new Set(all(tried, /alertname="(\w+)"/g))],
  };
}
