import { activityTopic } from '#contracts';
import type { Entry } from '#event-log';
import { CompactRange, inclusionRanges, leafHash, verifyInclusion } from '#proofs';
import { PoolStore } from '#testing';
import { DataSource } from 'typeorm';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { CreateAuditTrees1763949800000 } from './create-audit-trees.js';
import { CreateTreeTiles1764288000000 } from './create-tree-tiles.js';
import { growTrees } from './grow-trees.js';
import type { Leaf } from './leaf-source.js';
import { rangeHashes, type ReadRows } from './tree-hashes.js';
import { TILE_LEAVES } from './tree-tiles.js';

let own: Isolation;
let store: PoolStore;
let database: DataSource;

beforeAll(async () => {
  own = await isolate();
  store = new PoolStore(own.databaseUrl);
  await store.ready();
  const migrations = [CreateAuditTrees1763949800000, CreateTreeTiles1764288000000];
  database = await new DataSource({ type: 'postgres', url: own.databaseUrl, migrations }).initialize();
  await database.runMigrations();
}, 60_000);

afterAll(async () => {
  await database.destroy();
  await store.close();
  await own.dispose();
});

const leaves: readonly Entry<Leaf>[] = Array.from({ length: 5 * TILE_LEAVES + 7 }, (_, at) => ({
  position: { topic: activityTopic.name, partition: 3, offset: BigInt(2 * at) },
  event: { hash: leafHash(Buffer.from(`record ${String(at)}`)), number: { run: 'run', sequence: at } },
}));

async function empty(): Promise<void> {
  await database.query(
    'TRUNCATE projection.audit_trees, projection.audit_tree_tiles, projection.audit_tree_nodes, projection.audit_runs',
  );
}

/** What is stored when the leaves come in batches that are cut at these places. */
async function grown(cuts: readonly number[]): Promise<readonly unknown[]> {
  await empty();
  for (const [at, end] of [...cuts, leaves.length].entries())
    await store.transaction(async (query) => {
      await query('SET LOCAL search_path TO projection');
      await growTrees(leaves.slice(cuts[at - 1] ?? 0, end), query);
    });
  return await Promise.all(
    ['audit_trees', 'audit_tree_tiles ORDER BY tile', 'audit_tree_nodes ORDER BY level, index'].map((table) =>
      database.query<unknown[]>(`SELECT * FROM projection.${table}`),
    ),
  );
}

it('stores the same, however leaves are cut', async () => {
  const atOnce = await grown([]);
  const places = [
    [1, TILE_LEAVES, TILE_LEAVES + 1],
    [TILE_LEAVES - 1, 2 * TILE_LEAVES + 1, 4 * TILE_LEAVES],
    [...leaves.keys()],
  ];
  for (const cuts of places) expect(await grown(cuts.filter((cut) => cut > 0))).toEqual(atOnce);
});

it('has every leaf in its place in the tree of each size', async () => {
  await grown([TILE_LEAVES + 5]);
  const read: ReadRows = (sql, parameters) => database.query(sql, [...parameters]);
  const tree = new CompactRange();
  for (const [at, { event }] of leaves.entries()) {
    tree.append(event.hash);
    const size = at + 1;
    if (size % 13 > 0 && size < leaves.length) continue;
    const name = { topic: activityTopic.name, partition: 3 };
    for (const index of [0, Math.floor(size / 2), at]) {
      const ranges = [{ begin: 0, end: size }, ...inclusionRanges(index, size)];
      const [root, ...inclusion] = await rangeHashes(read, name, ranges);
      expect(root).toEqual(tree.root());
      const leaf = leaves[index]?.event.hash ?? Buffer.alloc(0);
      expect(verifyInclusion({ leaf, index, size, root: tree.root(), proof: inclusion })).toBe(true);
    }
  }
});

it('grows the trees of several partitions at once, and counts the runs of each by themselves', async () => {
  await empty();
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
    await store.transaction(async (query) => {
      await query('SET LOCAL search_path TO projection');
      await growTrees(batch, query);
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
