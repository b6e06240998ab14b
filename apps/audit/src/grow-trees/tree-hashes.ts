import { type LeafRange, type NodeId, rangeHash, subtreesOf } from '#proofs';
import { hashInTile, TILE_LEVEL, tileOf } from './tree-tiles.js';

/** Runs one statement and gives its rows. */
export type ReadRows = <Row extends object>(sql: string, parameters: readonly unknown[]) => Promise<readonly Row[]>;

/** One tree: a partition of a topic. */
export interface TreeName {
  readonly topic: string;
  readonly partition: number;
}

/** A node that must be there is not: somebody took it out of the table. */
export class TreeBroken extends Error {
  override readonly name = 'TreeBroken';
}

/**
 * The heads of ranges of a tree, folded from its stored nodes and from the leaves in its tiles, all read at once.
 *
 * @throws TreeBroken when one of them is not there
 */
export async function rangeHashes(
  read: ReadRows,
  tree: TreeName,
  ranges: readonly LeafRange[],
): Promise<readonly Buffer[]> {
  const wanted = ranges.flatMap(subtreesOf);
  const nodes = await nodesOf(
    read,
    tree,
    wanted.filter(({ level }) => level >= TILE_LEVEL),
  );
  const tiles = await tilesOf(
    read,
    tree,
    wanted.filter(({ level }) => level < TILE_LEVEL),
  );
  return ranges.map((range) =>
    rangeHash(range, (node) => {
      const tile = tiles.get(tileOf(node));
      const hash = node.level >= TILE_LEVEL ? nodes.get(keyOf(node)) : tile && hashInTile(tile, node);
      if (hash === undefined)
        throw new TreeBroken(`the tree of ${tree.topic}:${tree.partition} has no node ${keyOf(node)}`);
      return hash;
    }),
  );
}

function keyOf({ level, index }: NodeId): string {
  return `${level}:${index}`;
}

async function nodesOf(
  read: ReadRows,
  { topic, partition }: TreeName,
  wanted: readonly NodeId[],
): Promise<ReadonlyMap<string, Buffer>> {
  const nodes = [...new Map(wanted.map((node) => [keyOf(node), node])).values()];
  if (nodes.length === 0) return new Map();
  const rows = await read<{ level: number; index: string; hash: Buffer }>(
    `SELECT n.level, n.index, n.hash FROM unnest($3::smallint[], $4::bigint[]) AS asked (level, index)
       JOIN projection.audit_tree_nodes n
         ON n.log_topic = $1 AND n.log_partition = $2 AND n.level = asked.level AND n.index = asked.index`,
    [topic, partition, nodes.map(({ level }) => level), nodes.map(({ index }) => index)],
  );
  return new Map(rows.map(({ level, index, hash }) => [keyOf({ level, index: Number(index) }), hash]));
}

async function tilesOf(
  read: ReadRows,
  { topic, partition }: TreeName,
  wanted: readonly NodeId[],
): Promise<ReadonlyMap<number, Buffer>> {
  const tiles = [...new Set(wanted.map(tileOf))];
  if (tiles.length === 0) return new Map();
  const rows = await read<{ tile: string; hashes: Buffer }>(
    `SELECT tile, hashes FROM projection.audit_tree_tiles
      WHERE log_topic = $1 AND log_partition = $2 AND tile = ANY ($3::bigint[])`,
    [topic, partition, tiles],
  );
  return new Map(rows.map(({ tile, hashes }) => [Number(tile), hashes]));
}
