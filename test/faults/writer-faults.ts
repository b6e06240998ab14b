import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandSender, ensureTopics, type TopicGuardOptions } from '#event-log';
import { counter, counterTopics } from '#testing';
import { startCluster } from '../../scripts/infrastructure/kafka.mjs';
import { isolate } from '../environment/isolation.js';
import { CounterLoad, settingsFor } from './counter-load.js';
import { compare, readTopic } from './log-checker.js';
import { WriterProcesses } from './writer-processes.js';

export interface FaultReport {
  readonly told: number;
  /** How many commands were answered how. */
  readonly answers: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

/**
 * Two writer processes share the partitions under load; one after the other is killed with `kill -9` at a random moment
 * and replaced.
 */
export async function killWriters(rounds: number, perSecond: number): Promise<FaultReport> {
  return await underLoad(perSecond, async (writers, pair) => {
    for (let round = 0; round < rounds; round++) {
      await delay(Math.random() * 12_000); // a random moment, before, during and after the others take over
      const victim = pair.shift();
      if (victim) await writers.kill(victim);
      pair.push(await writers.start());
    }
  });
}

/** Longer than the session of a group's member: its partitions are taken over while it is stopped. */
const STOPPED_MS = 9_000;

/** A writer is stopped (SIGSTOP) past its session, its partitions are taken over, then it wakes as a zombie. */
export async function wakeZombie(perSecond: number): Promise<FaultReport> {
  return await underLoad(perSecond, async (_writers, [zombie]) => {
    await delay(2_000); // so that it is in the middle of its work
    zombie?.kill('SIGSTOP');
    await delay(STOPPED_MS); // the session has to run out on the broker's clock
    zombie?.kill('SIGCONT');
    await delay(4_000); // time in which a zombie could do harm
  });
}

/**
 * Three nodes, three copies, two in sync: one node after another, each the leader of some written partitions, is killed
 * with `kill -9` and comes back after its session has ended.
 */
export async function killLeaders(rounds: number, perSecond: number): Promise<FaultReport> {
  const cluster = await startCluster({ nodes: 3 });
  try {
    return await underLoad(
      perSecond,
      async () => {
        for (let round = 0; round < rounds; round++) {
          await delay(1_000 + Math.random() * 3_000); // a random moment
          const node = cluster.nodes[round % cluster.nodes.length];
          await node?.kill();
          await delay(DOWN_MS); // the cluster has to notice on its own clock
          await node?.start();
        }
      },
      { brokers: cluster.brokers, topics: { replicationFactor: 3, minInSyncReplicas: 2 } },
    );
  } finally {
    await cluster.stop();
  }
}

/** Longer than the session of a node: its partitions have other leaders before it is back. */
const DOWN_MS = 9_000;

/** Runs faults while callers keep at it; ends in the checker: raw topics against what callers were told. */
async function underLoad(
  perSecond: number,
  faults: (writers: WriterProcesses, pair: ChildProcess[]) => Promise<void>,
  on: { readonly brokers?: string; readonly topics: TopicGuardOptions } = {
    topics: { replicationFactor: 1, minInSyncReplicas: 1 },
  },
): Promise<FaultReport> {
  const own = await isolate();
  const brokers = on.brokers ?? own.brokers;
  const settings = settingsFor(brokers, own.prefix);
  await ensureTopics(settings, counterTopics, on.topics);
  const failures: unknown[] = [];
  const sender = new CommandSender(settings, counter, (error) => failures.push(error));
  const writers = new WriterProcesses(brokers, own.prefix);
  try {
    await sender.start();
    const pair = [await writers.start(), await writers.start()];
    const load = new CounterLoad(sender);
    await load.open();
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const loaded = load.run(perSecond, over);
    await faults(writers, pair);
    end();
    await loaded;
    const events = await readTopic(brokers, `${own.prefix}gatehouse.counter.events`);
    const answers = [...Map.groupBy(load.told, ({ status }) => status)].map(
      ([status, told]) => [status, told.length] as const,
    );
    return {
      told: load.told.length,
      answers: Object.fromEntries(answers),
      faults: [...failures.map(String), ...compare(load.told, events)],
    };
  } finally {
    await writers.stopAll();
    await sender.close();
    await own.dispose();
  }
}
