import { type LeafRange, rangeHash, subtreesOf } from '#proofs';

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
 * The heads of ranges of a tree, folded from its stored nodes, all read at once.
 *
 * @throws TreeBroken when one of the nodes is not there
 */
export async function rangeHashes(
  read: ReadRows,
  { topic, partition }: TreeName,
  ranges: readonly LeafRange[],
): Promise<readonly Buffer[]> {
  const nodes = new Map(ranges.flatMap(subtreesOf).map((node) => [`${node.level}:${node.index}`, node]));
  const wanted = [...nodes.values()];
  const rows = await read<{ level: number; index: string; hash: Buffer }>(
    `SELECT n.level, n.index, n.hash FROM unnest($3::smallint[], $4::bigint[]) AS asked (level, index)
       JOIN projection.audit_tree_nodes n
         ON n.log_topic = $1 AND n.log_partition = $2 AND n.level = asked.level AND n.index = asked.index`,
    [topic, partition, wanted.map(({ level }) => level), wanted.map(({ index }) => index)],
  );
  const hashes = new Map(rows.map(({ level, index, hash }) => [`${level}:${index}`, hash]));
  return ranges.map((range) =>
    rangeHash(range, ({ level, index }) => {
      const hash = hashes.get(`${level}:${index}`);
      if (hash === undefined) throw new TreeBroken(`the tree of ${topic}:${partition} has no node ${level}:${index}`);
      return hash;
    }),
  );
}
