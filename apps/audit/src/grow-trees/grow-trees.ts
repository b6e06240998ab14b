import type { Position } from '#contracts';
import type { Entry, Query } from '#event-log';
import { CompactRange, type CompletedNode, edgeOf, HASH_LENGTH } from '#proofs';
import type { Leaf } from './leaf-source.js';
import { countRuns } from './run-numbers.js';
import { intoTiles, TILE_LEVEL, type TileLeaves } from './tree-tiles.js';

/** A tree's partition. */
type Place = Omit<Position, 'offset'>;

/**
 * Appends a batch to the trees of its partitions: its leaves, the nodes over full tiles that they completed, and the trees' new
 * edges. However many partitions it has leaves of, it is as many statements.
 */
export async function growTrees(entries: readonly Entry<Leaf>[], query: Query): Promise<void> {
  if (entries.length === 0) return;
  await appendLeaves(entries, query);
  await keepRuns(entries, query);
}

function keyOf({ topic, partition }: Place): string {
  return `${topic}:${partition}`;
}

async function appendLeaves(entries: readonly Entry<Leaf>[], query: Query): Promise<void> {
  const batches = [...Map.groupBy(entries, ({ position }) => keyOf(position)).values()];
  const places: Place[] = batches.flatMap(([first]) => (first === undefined ? [] : [first.position]));
  const topics = places.map(({ topic }) => topic);
  const partitions = places.map(({ partition }) => partition);
  const stored = await query<{ topic: string; partition: number; size: string; edge: Buffer }>(
    `SELECT log_topic AS topic, log_partition AS partition, size, edge FROM audit_trees
      WHERE (log_topic, log_partition) IN (SELECT * FROM unnest($1::text[], $2::integer[]))`,
    [topics, partitions],
  );
  const known = new Map(stored.map((tree) => [keyOf(tree), treeAt(Number(tree.size), tree.edge)]));
  const trees = places.map((place) => known.get(keyOf(place)) ?? new CompactRange());
  const tiles: (Place & TileLeaves)[] = [];
  const nodes: (Place & CompletedNode)[] = [];
  for (const [index, { topic, partition }] of places.entries()) {
    const tree = trees[index];
    const leaves = (batches[index] ?? []).map(({ event: { hash }, position: { offset } }) => ({ offset, hash }));
    if (tree === undefined) continue;
    for (const tile of intoTiles(tree.size, leaves)) tiles.push({ topic, partition, ...tile });
    for (const { hash } of leaves)
      for (const node of tree.append(hash).slice(TILE_LEVEL)) nodes.push({ topic, partition, ...node });
  }
  await addTiles(tiles, query);
  if (nodes.length > 0) await addNodes(nodes, query);
  await query(
    `INSERT INTO audit_trees (log_topic, log_partition, size, edge)
     SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[])
     ON CONFLICT (log_topic, log_partition) DO UPDATE SET size = excluded.size, edge = excluded.edge`,
    [topics, partitions, trees.map(({ size }) => size), trees.map(({ edge }) => Buffer.concat(edge))],
  );
}

/** A tile that was not full goes on where it stood. */
async function addTiles(tiles: readonly (Place & TileLeaves)[], query: Query): Promise<void> {
  await query(
    `INSERT INTO audit_tree_tiles AS t (log_topic, log_partition, tile, first_offset, offsets, hashes)
     SELECT topic, partition, tile, first_offset, offsets::bigint[], hashes
       FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[], $6::bytea[])
         AS added (topic, partition, tile, first_offset, offsets, hashes)
     ON CONFLICT (log_topic, log_partition, tile)
     DO UPDATE SET offsets = t.offsets || excluded.offsets, hashes = t.hashes || excluded.hashes`,
    [
      tiles.map(({ topic }) => topic),
      tiles.map(({ partition }) => partition),
      tiles.map(({ tile }) => tile),
      tiles.map(({ leaves }) => String(leaves[0]?.offset)),
      tiles.map(({ leaves }) => `{${leaves.map(({ offset }) => offset).join(',')}}`),
      tiles.map(({ leaves }) => Buffer.concat(leaves.map(({ hash }) => hash))),
    ],
  );
}

async function addNodes(nodes: readonly (Place & CompletedNode)[], query: Query): Promise<void> {
  await query(
    `INSERT INTO audit_tree_nodes (log_topic, log_partition, level, index, hash)
     SELECT * FROM unnest($1::text[], $2::integer[], $3::smallint[], $4::bigint[], $5::bytea[])`,
    [
      nodes.map(({ topic }) => topic),
      nodes.map(({ partition }) => partition),
      nodes.map(({ level }) => level),
      nodes.map(({ index }) => index),
      nodes.map(({ hash }) => hash),
    ],
  );
}

function treeAt(size: number, edge: Buffer): CompactRange {
  const hashes = edgeOf(size).map((_node, at) => edge.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH));
  return new CompactRange(size, hashes);
}

/** Only one topic numbers its records, so that a partition's number tells whose run it is. */
async function keepRuns(entries: readonly Entry<Leaf>[], query: Query): Promise<void> {
  const records = entries.flatMap(({ event: { number }, position: { partition, offset } }) =>
    number === undefined ? [] : [{ ...number, partition, offset }],
  );
  if (records.length === 0) return;
  const asked = [...new Map(records.map((record) => [`${String(record.partition)} ${record.run}`, record])).values()];
  const known = await query<{ partition: number; run: string; next: string }>(
    `SELECT log_partition AS partition, run, next FROM audit_runs
      WHERE (run, log_partition) IN (SELECT * FROM unnest($1::text[], $2::integer[]))`,
    [asked.map(({ run }) => run), asked.map(({ partition }) => partition)],
  );
  const counted = [...Map.groupBy(records, ({ partition }) => partition)].map(([partition, ofPartition]) => {
    const here = known.filter((row) => row.partition === partition);
    const next = new Map(here.map((row) => [row.run, Number(row.next)]));
    return { partition, gaps: countRuns(next, ofPartition), next };
  });
  const runs = counted.flatMap(({ partition, next }) => [...next].map(([run, number]) => ({ run, partition, number })));
  await query(
    `INSERT INTO audit_runs (run, log_partition, next) SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[])
     ON CONFLICT (run, log_partition) DO UPDATE SET next = excluded.next`,
    [runs.map(({ run }) => run), runs.map(({ partition }) => partition), runs.map(({ number }) => number)],
  );
  const gaps = counted.flatMap((each) => each.gaps.map((gap) => ({ ...gap, partition: each.partition })));
  if (gaps.length === 0) return;
  await query(
    `INSERT INTO audit_gaps (run, log_partition, first_missing, last_missing, log_offset)
     SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[])`,
    [
      gaps.map(({ run }) => run),
      gaps.map(({ partition }) => partition),
      gaps.map(({ from }) => from),
      gaps.map(({ to }) => to),
      gaps.map(({ offset }) => String(offset)),
    ],
  );
}
