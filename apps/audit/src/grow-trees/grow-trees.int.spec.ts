import { activityTopic } from '#contracts';
import { COPY_FROM, type Entry } from '#event-log';
import { CompactRange, leafHash } from '#proofs';
import { PoolStore } from '#testing';
import { DataSource } from 'typeorm';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { CreateAuditTrees1763949800000 } from './create-audit-trees.js';
import { growTrees } from './grow-trees.js';
import type { Leaf } from './leaf-source.js';
import { rangeHashes } from './tree-hashes.js';

let own: Isolation;
let store: PoolStore;
let database: DataSource;

beforeAll(async () => {
  own = await isolate();
  store = new PoolStore(own.databaseUrl);
  await store.ready();
  const migrations = [CreateAuditTrees1763949800000];
  database = await new DataSource({ type: 'postgres', url: own.databaseUrl, migrations }).initialize();
  await database.runMigrations();
}, 60_000);

afterAll(async () => {
  await database.destroy();
  await store.close();
  await own.dispose();
});

const leaves: readonly Entry<Leaf>[] = Array.from({ length: 2 * COPY_FROM + 1 }, (_, at) => ({
  position: { topic: activityTopic.name, partition: 3, offset: BigInt(2 * at) },
  event: { hash: leafHash(Buffer.from(`record ${String(at)}`)), number: { run: 'run', sequence: at } },
}));

/** The nodes that are stored when the leaves come in batches that are cut at these places. */
async function grown(cuts: readonly number[], mayCopy = true): Promise<readonly unknown[]> {
  await database.query('TRUNCATE projection.audit_trees, projection.audit_tree_nodes, projection.audit_runs');
  let copied = 0;
  for (const [at, end] of [...cuts, leaves.length].entries())
    await store.transaction(async (query, copy) => {
      await query('SET LOCAL search_path TO projection');
      await growTrees(leaves.slice(cuts[at - 1] ?? 0, end), query, async (...rows) => {
        const done = mayCopy && (await copy(...rows));
        if (done) copied++;
        return done;
      });
    });
  expect(copied > 0).toBe(mayCopy);
  return await database.query('SELECT * FROM projection.audit_tree_nodes ORDER BY level, index');
}

it('stores the same nodes of a large batch, which is copied, as of one that is inserted, however leaves are cut', async () => {
  const inserted = await grown([], false);
  expect(await grown([])).toEqual(inserted);
  expect(await grown([1, COPY_FROM + 2, COPY_FROM + 7])).toEqual(inserted);
});

it('the head of what was copied is the head of its leaves', async () => {
  await grown([]);
  const tree = new CompactRange();
  for (const { event } of leaves) tree.append(event.hash);
  const all = [{ begin: 0, end: leaves.length }];
  const read = async <Row extends object>(sql: string, parameters: readonly unknown[]): Promise<readonly Row[]> =>
    await database.query(sql, [...parameters]);
  const [head] = await rangeHashes(read, { topic: activityTopic.name, partition: 3 }, all);
  expect(head).toEqual(tree.root());
});

it('grows the trees of several partitions at once, and counts the runs of each by themselves', async () => {
  await database.query('TRUNCATE projection.audit_trees, projection.audit_tree_nodes, projection.audit_runs');
  const leaf = (topic: string, partition: number, offset: number, number?: number): Entry<Leaf> => ({
    position: { topic, partition, offset: BigInt(offset) },
    event: {
      hash: leafHash(Buffer.from(`${topic}:${String(partition)}:${String(offset)}`)),
      ...(number === undefined ? {} : { number: { run: 'both', sequence: number } }),
    },
  });
  const { name } = activityTopic;
  const batches = [
    [leaf(name, 1, 0, 0), leaf('events', 1, 0), leaf(name, 2, 0, 0), leaf(name, 1, 1, 1)],
    [leaf('events', 1, 2), leaf(name, 2, 1, 2), leaf(name, 1, 2, 2), leaf('events', 1, 3), leaf(name, 2, 4, 3)],
  ];
  for (const batch of batches)
    await store.transaction(async (query, copy) => {
      await query('SET LOCAL search_path TO projection');
      await growTrees(batch, query, copy);
    });
  const all = batches.flat();
  for (const [topic, partition] of [
    [name, 1],
    [name, 2],
    ['events', 1],
  ] as const) {
    const tree = new CompactRange();
    const own = all.filter(({ position }) => position.topic === topic && position.partition === partition);
    for (const { event } of own) tree.append(event.hash);
    const [stored] = await database.query<{ size: string; edge: Buffer }[]>(
      'SELECT size, edge FROM projection.audit_trees WHERE log_topic = $1 AND log_partition = $2',
      [topic, partition],
    );
    expect(stored).toEqual({ size: String(own.length), edge: Buffer.concat(tree.edge) });
  }
  expect(await database.query('SELECT log_partition, next FROM projection.audit_runs ORDER BY 1')).toEqual([
    { log_partition: 1, next: '3' },
    { log_partition: 2, next: '4' },
  ]);
  expect(await database.query('SELECT * FROM projection.audit_gaps')).toEqual([
    { run: 'both', log_partition: 2, first_missing: '1', last_missing: '1', log_offset: '1' },
  ]);
});
