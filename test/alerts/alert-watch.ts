import { frontedApps } from '../../apps/gatehouse/src/front/app-paths.js';
import { type Alert, AlertRules } from './alert-rules.js';
import { readScrape } from './read-scrape.js';
import { type Labels, labelsKey, SeriesStore } from './series.js';

/** As Prometheus does where nothing is said: a scrape of each, and an evaluation of all rules, a minute. */
const EVERY_MS = 60_000;
/** How long the watch waits for the next one, so that what services do meanwhile is seen in it. */
const PACE_MS = 100;
const GIVE_UP_AFTER_MS = 60_000;
/** As deploy/prometheus/prometheus.yml names it. */
const JOB = 'gatehouse';

/** An instance as the scrape configuration knows it; the one process, where no service is named. */
type Target = string | { readonly url: string; readonly service: string };

interface WhileWatching {
  /** Done before each scrape, for a fault that has to be there again and again. */
  readonly meanwhile?: () => Promise<unknown> | undefined;
}

/**
 * What Prometheus does: it reads `/metrics` of real services and evaluates our rules on that. Time alone is another: what is
 * scraped 100 ms apart counts as a minute apart, so that a rule about five minutes takes half a second. Values that are
 * themselves times (a lag in seconds) are what the service says. Each target has the labels of deploy/prometheus/prometheus.yml
 * and its `up`; services that are not looked at are up.
 */
export class AlertWatch {
  readonly #rules = new AlertRules();
  readonly #store = new SeriesStore();
  readonly #seen = new Map<string, ReadonlyMap<string, Labels>>();
  /** Since it was last quiet. */
  readonly #fired: Alert[] = [];
  /** Services of which nothing is looked at. */
  readonly #others: readonly string[];
  #time = 0;

  readonly #targets: Map<string, { readonly url: string; readonly service: string }>;

  /** @param targets where each instance answers, by its name */
  constructor(targets: Readonly<Record<string, Target>>) {
    this.#targets = new Map(
      Object.entries(targets).map(([instance, target]) => [
        instance,
        typeof target === 'string' ? { url: target, service: 'gatehouse' } : target,
      ]),
    );
    this.#others = frontedApps
      .map(({ name }) => name)
      .filter((name) => ![...this.#targets.values()].some(({ service }) => service === name));
  }

  /** One scrape of all, and what the rules say of it and of those before. */
  async look(): Promise<readonly Alert[]> {
    this.#time += EVERY_MS;
    await Promise.all([...this.#targets].map(([instance, { url, service }]) => this.#scrape(instance, url, service)));
    for (const service of this.#others)
      this.#store.add({ __name__: 'up', job: JOB, instance: `a ${service}`, service }, { time: this.#time, value: 1 });
    const alerts = this.#rules.evaluate(this.#store, this.#time);
    this.#fired.push(...alerts.filter(({ state }) => state === 'firing'));
    return alerts;
  }

  /** Looks until an alert has fired, since it was last quiet, that has these labels; rejects with what there was when none does. */
  async fires(alertname: string, labels: Labels = {}, { meanwhile }: WhileWatching = {}): Promise<Alert> {
    if (!this.#rules.names.includes(alertname)) throw new Error(`there is no rule ${alertname}`);
    const isIt = (alert: Alert): boolean =>
      alert.alertname === alertname && Object.entries(labels).every(([name, value]) => alert.labels[name] === value);
    const begun = performance.now();
    for (;;) {
      const found = this.#fired.find(isIt);
      if (found) return found;
      await meanwhile?.();
      const alerts = await this.look();
      if (performance.now() - begun > GIVE_UP_AFTER_MS)
        throw new Error(`${alertname} never fired; at the end there was ${JSON.stringify(alerts)}`);
      await pace();
    }
  }

  /** Looks until nothing fires any more, which is then forgotten; gives what still fires when that never comes. */
  async settles(): Promise<readonly string[]> {
    const begun = performance.now();
    for (;;) {
      const firing = (await this.look()).filter(({ state }) => state === 'firing').map(({ alertname }) => alertname);
      if (firing.length === 0) this.#fired.length = 0;
      if (firing.length === 0 || performance.now() - begun > GIVE_UP_AFTER_MS) return firing;
      await pace();
    }
  }

  /** What names the targets does not name this one any more, as when a pod is gone. */
  gone(instance: string): void {
    this.#targets.delete(instance);
    this.#tell(instance, []);
  }

  async #scrape(instance: string, url: string, service: string): Promise<void> {
    const samples = await told(url);
    const up = { labels: { __name__: 'up' }, value: samples === undefined ? 0 : 1 };
    const all = [up, ...(samples ?? [])];
    this.#tell(
      instance,
      all.map(({ labels, value }) => ({ labels: { ...labels, job: JOB, instance, service }, value })),
    );
  }

  /** What an instance has now; what it had and has not any more is gone. */
  #tell(instance: string, samples: readonly { readonly labels: Labels; readonly value: number }[]): void {
    const now = new Map<string, Labels>();
    for (const { labels, value } of samples) {
      now.set(labelsKey(labels), labels);
      this.#store.add(labels, { time: this.#time, value });
    }
    for (const [key, labels] of this.#seen.get(instance) ?? [])
      if (!now.has(key)) this.#store.add(labels, { time: this.#time, value: undefined });
    this.#seen.set(instance, now);
  }
}

/** What `/metrics` tells; undefined where nobody answers. */
async function told(url: string): Promise<ReturnType<typeof readScrape> | undefined> {
  const answer = await fetch(`${url}/metrics`).catch(() => undefined);
  return answer?.ok === true ? readScrape(await answer.text()) : undefined;
}

async function pace(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, PACE_MS)); // the pace of the scrapes: nobody tells
}
