import type { Position } from '#contracts';
import { PoolStore } from '#testing';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import type { Entry } from '../tail/record-source.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { BatchStore } from './batch-store.js';
import { openCheckpoints, readCheckpoints } from './checkpoints.js';
import { defineProjection, LIVE_SCHEMA } from './projection.js';

const TOPIC = 'words';
const words = { topic: TOPIC, partitions: 3, decode: (value: Buffer): string => value.toString() };
const settings: LogSettings = {
  brokers: [],
  clientId: 'batch-store',
  prefix: '',
  sink: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
};

describe('batches of several partitions', () => {
  let isolation: Isolation;
  let store: PoolStore;
  /** The words of each transaction, in order; a word may be held, and `poison` cannot be mapped. */
  let transactions: string[][];
  let held: { readonly promise: Promise<void>; readonly began: () => void } | undefined;
  const stopping = new AbortController();
  const projection = defineProjection({
    name: 'word-list',
    version: 1,
    tables: ['word_list'],
    sources: [words],
    async apply(entries: readonly Entry<string>[], query) {
      const given = entries.map(({ event }) => event);
      if (given.includes('held')) {
        held?.began();
        await held?.promise;
      }
      await query('INSERT INTO word_list SELECT * FROM unnest($1::text[])', [given]);
      if (given.includes('poison')) throw new Error('nobody can map this');
      transactions.push(given);
    },
  });

  beforeAll(async () => {
    isolation = await isolate();
    store = new PoolStore(isolation.databaseUrl);
    await store.ready();
    await store.transaction((query) => query('CREATE TABLE projection.word_list (word text)'));
  });

  beforeEach(async () => {
    transactions = [];
    await store.transaction(async (query) => {
      // In the order in which a batch takes them, one that is tried again and again too.
      await query('TRUNCATE projection.checkpoints, projection.word_list');
      await openCheckpoints(query, LIVE_SCHEMA, projection, new Map([[TOPIC, [0n, 0n, 0n]]]));
    });
  });

  afterAll(async () => {
    stopping.abort();
    await store.close();
    await isolation.dispose();
  });

  const batches = () => new BatchStore(settings, projection, store, stopping.signal);
  const at = (partition: number, offset: bigint): Position => ({ topic: TOPIC, partition, offset });
  const entry = (partition: number, offset: bigint, event: string) => ({ position: at(partition, offset), event });
  const stored = () =>
    store.transaction(async (query) => ({
      words: (await query<{ word: string }>('SELECT word FROM projection.word_list ORDER BY word')).map(
        ({ word }) => word,
      ),
      checkpoints: (await readCheckpoints(query, LIVE_SCHEMA, projection.name)).get(TOPIC),
    }));

  test('what comes while a transaction is under way goes into the next one together, each with its checkpoint', async () => {
    const batch = batches();
    const began = Promise.withResolvers<void>();
    const { promise, resolve } = Promise.withResolvers<void>();
    held = { promise, began: began.resolve };
    const first = batch.keep([entry(0, 0n, 'held')], 0n, at(0, 1n));
    await began.promise;
    const others = [
      batch.keep([entry(1, 0n, 'b'), entry(1, 1n, 'c')], 0n, at(1, 2n)),
      batch.keep([entry(2, 0n, 'd')], 0n, at(2, 5n)),
    ];
    resolve();
    await Promise.all([first, ...others]);
    expect(transactions).toEqual([['held'], ['b', 'c', 'd']]);
    expect(await stored()).toEqual({ words: ['b', 'c', 'd', 'held'], checkpoints: [1n, 2n, 5n] });
  });

  test('what is handed over in one turn goes into one transaction', async () => {
    const batch = batches();
    await Promise.all([0, 1, 2].map((partition) => batch.keep([entry(partition, 0n, 'a')], 0n, at(partition, 1n))));
    expect(transactions).toEqual([['a', 'a', 'a']]);
  });

  test('what cannot be stored holds back its own partition and no other', async () => {
    const batch = batches();
    const began = Promise.withResolvers<void>();
    const { promise, resolve } = Promise.withResolvers<void>();
    held = { promise, began: began.resolve };
    const first = batch.keep([entry(0, 0n, 'held')], 0n, at(0, 1n));
    await began.promise;
    let poisonStored = false;
    void batch.keep([entry(1, 0n, 'poison')], 0n, at(1, 1n)).then(() => (poisonStored = true));
    const other = batch.keep([entry(2, 0n, 'd')], 0n, at(2, 1n));
    resolve();
    await Promise.all([first, other]);
    await batch.keep([entry(2, 1n, 'e')], 1n, at(2, 2n));
    expect(await stored()).toEqual({ words: ['d', 'e', 'held'], checkpoints: [1n, 0n, 2n] });
    expect(poisonStored).toBe(false);
  });

  test('what another instance has stored is not stored again, whatever goes with it', async () => {
    const [here, there] = [batches(), batches()];
    await there.keep([entry(0, 0n, 'a'), entry(0, 1n, 'b')], 0n, at(0, 2n));
    await Promise.all([
      here.keep([entry(0, 0n, 'a')], 0n, at(0, 1n)),
      here.keep([entry(1, 0n, 'x')], 0n, at(1, 1n)),
      here.keep([entry(2, 0n, 'y'), entry(2, 1n, 'z')], 0n, at(2, 2n)),
    ]);
    await here.keep([entry(0, 1n, 'b'), entry(0, 2n, 'c')], 1n, at(0, 3n));
    expect(await stored()).toEqual({ words: ['a', 'b', 'c', 'x', 'y', 'z'], checkpoints: [3n, 1n, 2n] });
  });

  test('who finds most of what comes stored by another instance, time and again, knows that it does; until there is nobody else', async () => {
    const [here, there] = [batches(), batches()];
    const keep = async (batch: typeof here, offset: bigint) => {
      await batch.keep([entry(0, offset, 'a'), entry(0, offset + 1n, 'b')], offset, at(0, offset + 2n));
      return batch.others;
    };
    const found: boolean[] = [];
    for (const offset of [0n, 2n, 4n, 6n]) {
      expect(await keep(there, offset)).toBe(false);
      found.push(await keep(here, offset));
    }
    expect(found).toEqual([false, false, true, true]);
    // What holds no entries says nothing.
    await here.keep([], 8n, at(0, 9n));
    expect(here.others).toBe(true);
    expect(await keep(here, 9n)).toBe(false);
  });

  test('a checkpoint that was set back ends its own partition, and the others are stored', async () => {
    const batch = batches();
    const [lost, kept] = await Promise.allSettled([
      batch.keep([entry(0, 7n, 'late')], 7n, at(0, 8n)),
      batch.keep([entry(1, 0n, 'x')], 0n, at(1, 1n)),
    ]);
    expect(lost).toMatchObject({ status: 'rejected', reason: { name: 'CheckpointLost' } });
    expect(kept.status).toBe('fulfilled');
    expect(await stored()).toEqual({ words: ['x'], checkpoints: [0n, 1n, 0n] });
  });
});
