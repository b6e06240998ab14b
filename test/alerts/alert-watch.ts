import { type Alert, AlertRules } from './alert-rules.js';
import { readScrape } from './read-scrape.js';
import { type Labels, labelsKey, SeriesStore } from './series.js';

/** As Prometheus does where nothing is said: a scrape of each, and an evaluation of all rules, a minute. */
const EVERY_MS = 60_000;
/** How long the watch waits for the next one, so that what services do meanwhile is seen in it. */
const PACE_MS = 100;
const GIVE_UP_AFTER_MS = 60_000;

interface WhileWatching {
  /** Done before each scrape, for a fault that has to be there again and again. */
  readonly meanwhile?: () => Promise<unknown> | undefined;
}

/**
 * What Prometheus does: it reads `/metrics` of real services and evaluates our rules on that. Time alone is another: what is
 * scraped 100 ms apart counts as a minute apart, so that a rule about five minutes takes half a second. Values that are
 * themselves times (a lag in seconds) are what the service says.
 */
export class AlertWatch {
  readonly #rules = new AlertRules();
  readonly #store = new SeriesStore();
  readonly #seen = new Map<string, ReadonlyMap<string, Labels>>();
  /** Since it was last quiet. */
  readonly #fired: Alert[] = [];
  #time = 0;

  /** @param targets where each instance answers, by its name */
  constructor(private readonly targets: Readonly<Record<string, string>>) {}

  /** One scrape of all, and what the rules say of it and of those before. */
  async look(): Promise<readonly Alert[]> {
    this.#time += EVERY_MS;
    await Promise.all(Object.entries(this.targets).map(([instance, url]) => this.#scrape(instance, url)));
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

  async #scrape(instance: string, url: string): Promise<void> {
    const text = await (await fetch(`${url}/metrics`)).text();
    const now = new Map<string, Labels>();
    for (const { labels: told, value } of readScrape(text)) {
      const labels = { ...told, instance };
      now.set(labelsKey(labels), labels);
      this.#store.add(labels, { time: this.#time, value });
    }
    for (const [key, labels] of this.#seen.get(instance) ?? [])
      if (!now.has(key)) this.#store.add(labels, { time: this.#time, value: undefined });
    this.#seen.set(instance, now);
  }
}

async function pace(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, PACE_MS)); // the pace of the scrapes: nobody tells
}
