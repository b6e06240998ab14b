import { CompactRange, HASH_LENGTH, type NodeId } from '#proofs';

/** From this level on nodes are stored one by one. What is below stands in tiles, as leaves alone. */
export const TILE_LEVEL = 5;
/** Of a full tile; a row of them is smaller than what Postgres would keep elsewhere (2 kB). */
export const TILE_LEAVES = 2 ** TILE_LEVEL;

/** A leaf with the offset of its record. */
export interface PlacedLeaf {
  readonly offset: bigint;
  readonly hash: Buffer;
}

/** Leaves that follow each other in one tile. */
export interface TileLeaves {
  /** Which of the tree: its first leaf, of a full one, is `tile * TILE_LEAVES`. */
  readonly tile: number;
  readonly leaves: readonly PlacedLeaf[];
}

/** Which tile a leaf, or a node below {@link TILE_LEVEL}, is in. */
export function tileOf({ level, index }: NodeId): number {
  return Math.floor((index * 2 ** level) / TILE_LEAVES);
}

/** The next leaves of a tree of `size`, by their tiles: the first may go on with one that is there. */
export function intoTiles(size: number, leaves: readonly PlacedLeaf[]): TileLeaves[] {
  const tiles: TileLeaves[] = [];
  for (let from = 0; from < leaves.length;) {
    const tile = tileOf({ level: 0, index: size + from });
    const end = (tile + 1) * TILE_LEAVES - size;
    tiles.push({ tile, leaves: leaves.slice(from, end) });
    from = end;
  }
  return tiles;
}

/** The hash of a node below {@link TILE_LEVEL}, of its tile's hashes one behind the other; undefined when the tile has not come so far. */
export function hashInTile(hashes: Buffer, { level, index }: NodeId): Buffer | undefined {
  const first = (index * 2 ** level) % TILE_LEAVES;
  const end = first + 2 ** level;
  if (hashes.length < end * HASH_LENGTH) return undefined;
  const subtree = new CompactRange();
  for (let leaf = first; leaf < end; leaf++)
    subtree.append(hashes.subarray(leaf * HASH_LENGTH, (leaf + 1) * HASH_LENGTH));
  return subtree.root();
}
