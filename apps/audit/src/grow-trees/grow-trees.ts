import type { Position } from '#contracts';
import { COPY_FROM, type CopyRows, type Entry, type Query } from '#event-log';
import { CompactRange, type CompletedNode, edgeOf, HASH_LENGTH } from '#proofs';
import type { Leaf } from './leaf-source.js';
import { countRuns } from './run-numbers.js';

/** A tree's partition. */
type Place = Omit<Position, 'offset'>;

/**
 * Appends a batch to the trees of its partitions: the nodes that its leaves completed, and the trees' new edges. However many
 * partitions it has leaves of, it is as many statements.
 */
export async function growTrees(entries: readonly Entry<Leaf>[], query: Query, copy: CopyRows): Promise<void> {
  if (entries.length === 0) return;
  await appendLeaves(entries, query, copy);
  await keepRuns(entries, query);
}

function keyOf({ topic, partition }: Place): string {
  return `${topic}:${partition}`;
}

async function appendLeaves(entries: readonly Entry<Leaf>[], query: Query, copy: CopyRows): Promise<void> {
  const places = new Map<string, Place>(entries.map(({ position }) => [keyOf(position), position]));
  const topics = [...places.values()].map(({ topic }) => topic);
  const partitions = [...places.values()].map(({ partition }) => partition);
  const stored = await query<{ topic: string; partition: number; size: string; edge: Buffer }>(
    `SELECT log_topic AS topic, log_partition AS partition, size, edge FROM audit_trees
      WHERE (log_topic, log_partition) IN (SELECT * FROM unnest($1::text[], $2::integer[]))`,
    [topics, partitions],
  );
  const known = new Map(stored.map((tree) => [keyOf(tree), treeAt(Number(tree.size), tree.edge)]));
  const trees = new Map([...places.keys()].map((key) => [key, known.get(key) ?? new CompactRange()]));
  const nodes = entries.flatMap(({ event: { hash }, position }) =>
    (trees.get(keyOf(position))?.append(hash) ?? []).map((node) => ({
      ...node,
      topic: position.topic,
      partition: position.partition,
      offset: node.level === 0 ? String(position.offset) : null,
    })),
  );
  await addNodes(nodes, query, copy);
  await query(
    `INSERT INTO audit_trees (log_topic, log_partition, size, edge)
     SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[])
     ON CONFLICT (log_topic, log_partition) DO UPDATE SET size = excluded.size, edge = excluded.edge`,
    [
      topics,
      partitions,
      [...trees.values()].map(({ size }) => size),
      [...trees.values()].map(({ edge }) => Buffer.concat(edge)),
    ],
  );
}

interface PlacedNode extends CompletedNode, Place {
  /** Of a leaf: where its record stands. */
  readonly offset: string | null;
}

const NODE_COLUMNS = ['log_topic', 'log_partition', 'level', 'index', 'hash', 'log_offset'];

async function addNodes(nodes: readonly PlacedNode[], query: Query, copy: CopyRows): Promise<void> {
  if (nodes.length >= COPY_FROM) {
    const rows = nodes.map(({ topic, partition, level, index, hash, offset }) => ({
      log_topic: topic,
      log_partition: partition,
      level,
      index,
      hash: `\\x${hash.toString('hex')}`,
      log_offset: offset,
    }));
    if (await copy('audit_tree_nodes', NODE_COLUMNS, rows)) return;
  }
  await query(
    `INSERT INTO audit_tree_nodes (log_topic, log_partition, level, index, hash, log_offset)
     SELECT * FROM unnest($1::text[], $2::integer[], $3::smallint[], $4::bigint[], $5::bytea[], $6::bigint[])`,
    [
      nodes.map(({ topic }) => topic),
      nodes.map(({ partition }) => partition),
      nodes.map(({ level }) => level),
      nodes.map(({ index }) => index),
      nodes.map(({ hash }) => hash),
      nodes.map(({ offset }) => offset),
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
  const known = await query<{ partition: number; run: string; next: string }>(
    `SELECT log_partition AS partition, run, next FROM audit_runs
      WHERE (run, log_partition) IN (SELECT * FROM unnest($1::text[], $2::integer[]))`,
    [records.map(({ run }) => run), records.map(({ partition }) => partition)],
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
