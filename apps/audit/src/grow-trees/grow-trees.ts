import type { Position } from '#contracts';
import { COPY_FROM, type CopyRows, type Entry, type Query } from '#event-log';
import { CompactRange, type CompletedNode, edgeOf, HASH_LENGTH } from '#proofs';
import type { Leaf } from './leaf-source.js';
import { countRuns } from './run-numbers.js';

/** Appends a batch to the trees of its partitions: the nodes that its leaves completed, and the trees' new edges. */
export async function growTrees(entries: readonly Entry<Leaf>[], query: Query, copy: CopyRows): Promise<void> {
  const trees = Map.groupBy(entries, ({ position: { topic, partition } }) => `${topic}:${partition}`);
  for (const leaves of trees.values()) {
    const [first] = leaves;
    if (first === undefined) continue;
    await appendLeaves(first.position, leaves, query, copy);
    await keepRuns(first.position, leaves, query);
  }
}

async function appendLeaves(at: Position, leaves: readonly Entry<Leaf>[], query: Query, copy: CopyRows): Promise<void> {
  const [stored] = await query<{ size: string; edge: Buffer }>(
    'SELECT size, edge FROM audit_trees WHERE log_topic = $1 AND log_partition = $2',
    [at.topic, at.partition],
  );
  const tree = stored === undefined ? new CompactRange() : treeAt(Number(stored.size), stored.edge);
  const nodes = leaves.flatMap(({ event: { hash }, position }) =>
    tree.append(hash).map((node) => ({ ...node, offset: node.level === 0 ? String(position.offset) : null })),
  );
  await addNodes(at, nodes, query, copy);
  await query(
    `INSERT INTO audit_trees (log_topic, log_partition, size, edge) VALUES ($1, $2, $3, $4)
     ON CONFLICT (log_topic, log_partition) DO UPDATE SET size = excluded.size, edge = excluded.edge`,
    [at.topic, at.partition, tree.size, Buffer.concat(tree.edge)],
  );
}

interface PlacedNode extends CompletedNode {
  /** Of a leaf: where its record stands. */
  readonly offset: string | null;
}

const NODE_COLUMNS = ['log_topic', 'log_partition', 'level', 'index', 'hash', 'log_offset'];

async function addNodes(
  { topic, partition }: Position,
  nodes: readonly PlacedNode[],
  query: Query,
  copy: CopyRows,
): Promise<void> {
  if (nodes.length >= COPY_FROM) {
    const rows = nodes.map(({ level, index, hash, offset }) => ({
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
     SELECT $1, $2, node.* FROM unnest($3::smallint[], $4::bigint[], $5::bytea[], $6::bigint[]) AS node`,
    [
      topic,
      partition,
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

async function keepRuns({ partition }: Position, leaves: readonly Entry<Leaf>[], query: Query): Promise<void> {
  const records = leaves.flatMap(({ event: { number }, position: { offset } }) =>
    number === undefined ? [] : [{ ...number, offset }],
  );
  if (records.length === 0) return;
  const runs = [...new Set(records.map(({ run }) => run))];
  const known = await query<{ run: string; next: string }>(
    'SELECT run, next FROM audit_runs WHERE log_partition = $1 AND run = ANY ($2::text[])',
    [partition, runs],
  );
  const next = new Map(known.map((row) => [row.run, Number(row.next)]));
  const gaps = countRuns(next, records);
  await query(
    `INSERT INTO audit_runs (run, log_partition, next) SELECT run, $1, next FROM unnest($2::text[], $3::bigint[]) AS r (run, next)
     ON CONFLICT (run, log_partition) DO UPDATE SET next = excluded.next`,
    [partition, [...next.keys()], [...next.values()]],
  );
  if (gaps.length === 0) return;
  await query(
    `INSERT INTO audit_gaps (run, log_partition, first_missing, last_missing, log_offset)
     SELECT run, $1, first, last, at FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS g (run, first, last, at)`,
    [
      partition,
      gaps.map(({ run }) => run),
      gaps.map(({ from }) => from),
      gaps.map(({ to }) => to),
      gaps.map(({ offset }) => String(offset)),
    ],
  );
}
