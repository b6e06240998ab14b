import {
  beginRebuild,
  CommandSender,
  ensureTopics,
  ProjectionRunner,
  SharedReadings,
  type TopicGuardOptions,
} from '#event-log';
import { counter, countersProjection, counterTopics, PoolStore } from '#testing';
import { isolate } from '../environment/isolation.js';
import { CounterLoad, settingsFor, type Waits } from './counter-load.js';
import { compare, compareCounters, type CounterRow, succession } from './log-checker.js';
import { compareWithRebuilt } from './projection-checker.js';
import { readTopic } from './raw-log.js';
import { WriterProcesses } from './writer-processes.js';

export interface FaultReport {
  /** Commands, each counted once however often it was sent. */
  readonly commands: number;
  /** How many of them were answered how; `never answered` when a caller gave up. */
  readonly answers: Readonly<Record<string, number>>;
  readonly waits: Waits;
  /** How often a partition came to another writer. */
  readonly takeovers: number;
  /** What the checker found wrong, in words. */
  readonly faults: readonly string[];
}

export interface Ground {
  readonly brokers: string;
  readonly databaseUrl: string;
  readonly topics: TopicGuardOptions;
}

/** How long the projection may take, after the fault, to hold all that was acknowledged. */
const CATCH_UP_MS = 60_000;

/**
 * Runs a fault while callers at two instances keep at it and writer processes, two at first, decide and project; ends
 * in the checker: raw topics and tables against what callers were told, and live tables against rebuilt ones.
 */
export async function underLoad(
  perSecond: number,
  fault: (writers: WriterProcesses) => Promise<void>,
  ground: Partial<Ground> = {},
): Promise<FaultReport> {
  const own = await isolate();
  const { brokers, databaseUrl, topics } = {
    brokers: own.brokers,
    databaseUrl: own.databaseUrl,
    topics: { replicationFactor: 1, minInSyncReplicas: 1 },
    ...ground,
  };
  const settings = settingsFor(brokers, own.prefix);
  await ensureTopics(settings, counterTopics, topics);
  const failures: unknown[] = [];
  const fail = (error: unknown): void => void failures.push(error);
  const senders = [new CommandSender(settings, counter, fail), new CommandSender(settings, counter, fail)];
  const writers = new WriterProcesses({ brokers, prefix: own.prefix, databaseUrl });
  try {
    await Promise.all(senders.map((sender) => sender.start()));
    await writers.start();
    await writers.start();
    const load = new CounterLoad(senders);
    await load.open();
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const loaded = load.run(perSecond, over);
    await fault(writers);
    end();
    await loaded;
    const events = await readTopic(brokers, `${own.prefix}gatehouse.counter.events`);
    const all = await Promise.all(
      ['events', 'outcomes'].map((kind) =>
        readTopic(brokers, `${own.prefix}gatehouse.counter.${kind}`, { uncommitted: true }),
      ),
    );
    const successions = all.map(succession);
    const rows = await liveCounters(settings, databaseUrl);
    const rebuilt = await compareWithRebuilt(databaseUrl, countersProjection, () => rebuild(settings, databaseUrl));
    const answered = new Map(load.told.map(({ commandId, status }) => [commandId, status]));
    return {
      commands: answered.size,
      answers: Object.fromEntries(
        [...Map.groupBy(answered.values(), (status) => status)].map(([status, { length }]) => [status, length]),
      ),
      waits: load.waits,
      takeovers: Math.max(...successions.map(({ takeovers }) => takeovers)),
      faults: [
        ...failures.map(String),
        ...compare(load.told, events),
        ...successions.flatMap(({ faults }) => faults),
        ...compareCounters(events, rows),
        ...rebuilt,
      ],
    };
  } finally {
    await writers.stopAll();
    await Promise.all(senders.map((sender) => sender.close()));
    await own.dispose();
  }
}

/** The projection's rows once its own checkpoints say that it has reached the end of the log. */
async function liveCounters(
  settings: ReturnType<typeof settingsFor>,
  databaseUrl: string,
): Promise<readonly CounterRow[]> {
  const store = new PoolStore(databaseUrl);
  // One more instance of the projection, in this process: it is ready when the tables hold all that is in the log.
  const runner = new ProjectionRunner(settings, countersProjection, store, () => undefined, new SharedReadings());
  try {
    await Promise.race([runner.start(), late()]);
    return await store.transaction((query) =>
      query<CounterRow>('SELECT subject, total, version FROM projection.counters'),
    );
  } finally {
    await runner.close();
    await store.close();
  }
}

async function late(): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, CATCH_UP_MS).unref());
  throw new Error('the projection did not catch up');
}

/** As `gatehouse projections rebuild` does it: beside the live tables, from the first record on, and swapped in. */
async function rebuild(settings: ReturnType<typeof settingsFor>, databaseUrl: string): Promise<void> {
  const store = new PoolStore(databaseUrl);
  try {
    const patience = AbortSignal.timeout(CATCH_UP_MS);
    const { finished } = await beginRebuild(settings, countersProjection, store, patience);
    await finished;
  } finally {
    await store.close();
  }
}
