import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { frontedApps } from '../../apps/gatehouse/src/front/app-paths.js';

interface ScrapeConfigs {
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly static_configs?: readonly { readonly labels: { readonly service: string }; readonly targets: string[] }[];
    readonly relabel_configs?: readonly { readonly target_label?: string }[];
  }[];
}

const folder = 'deploy/prometheus';
const read = (file: string) => readFileSync(`${folder}/${file}`, 'utf8');
const rules = read('gatehouse.rules.yml');
const names = frontedApps.map(({ name }) => name);

describe('what Prometheus scrapes', () => {
  it.each(['prometheus.yml', 'prometheus.kubernetes.yml'])('%s gives the labels that the rules count on', (file) => {
    const { rule_files: files, scrape_configs: jobs } = parse(read(file)) as ScrapeConfigs;
    expect(files).toEqual(['gatehouse.rules.yml']);
    expect(jobs.map(({ job_name: name }) => name)).toEqual(['gatehouse']);
    const labels = jobs.flatMap(({ static_configs: fixed = [], relabel_configs: relabelled = [] }) => [
      ...fixed.flatMap((group) => Object.keys(group.labels)),
      ...relabelled.map(({ target_label: label }) => label),
    ]);
    expect(labels).toContain('service');
    expect(rules).toContain('up{job="gatehouse"}');
  });

  it('prometheus.yml has both instances of every service, where deploy/compose has them', () => {
    const [job] = (parse(read('prometheus.yml')) as ScrapeConfigs).scrape_configs;
    const compose = parse(readFileSync('deploy/compose/compose.yaml', 'utf8'), { merge: true }) as {
      readonly services: Readonly<Record<string, unknown>>;
    };
    const instances = Object.keys(compose.services).filter((name) => names.includes(name.replace(/-\d$/, '')));
    expect(job?.static_configs?.map(({ labels }) => labels.service)).toEqual(names);
    expect(job?.static_configs?.flatMap(({ targets }) => targets)).toEqual(instances.map((name) => `${name}:8080`));
  });

  it('an alert says for every service that there is none', () => {
    const absent = [...rules.matchAll(/absent\(up\{job="gatehouse",service="(\w+)"\}\)/g)].map(([, name]) => name);
    expect(absent).toEqual(names);
  });
});
