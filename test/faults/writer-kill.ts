import { setTimeout as delay } from 'node:timers/promises';
import { CommandSender, ensureTopics } from '#event-log';
import { counter, counterTopics } from '#testing';
import { isolate } from '../environment/isolation.js';
import { CounterLoad, settingsFor } from './counter-load.js';
import { compare, readTopic } from './log-checker.js';
import { WriterProcesses } from './writer-processes.js';

export interface KillReport {
  readonly rounds: number;
  readonly told: number;
  /** How many commands were answered how. */
  readonly answers: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

/**
 * Two writer processes share the partitions under load; one after the other is killed with `kill -9` at a random moment
 * and replaced. Ends in the checker: raw topics against what callers were told.
 */
export async function killWriters(rounds: number, perSecond: number): Promise<KillReport> {
  const own = await isolate();
  const settings = settingsFor(own.brokers, own.prefix);
  await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
  const failures: unknown[] = [];
  const sender = new CommandSender(settings, counter, (error) => failures.push(error));
  const writers = new WriterProcesses(own.brokers, own.prefix);
  try {
    await sender.start();
    const pair = [await writers.start(), await writers.start()];
    const load = new CounterLoad(sender);
    await load.open();
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const loaded = load.run(perSecond, over);
    for (let round = 0; round < rounds; round++) {
      await delay(Math.random() * 12_000); // a random moment, before, during and after the others take over
      const victim = pair.shift();
      if (victim) await writers.kill(victim);
      pair.push(await writers.start());
    }
    end();
    await loaded;
    const events = await readTopic(own.brokers, `${own.prefix}gatehouse.counter.events`);
    const faults = [...failures.map(String), ...compare(load.told, events)];
    return {
      rounds,
      told: load.told.length,
      answers: Object.fromEntries(
        [...Map.groupBy(load.told, ({ status }) => status)].map(([status, told]) => [status, told.length]),
      ),
      faults,
    };
  } finally {
    await writers.stopAll();
    await sender.close();
    await own.dispose();
  }
}
