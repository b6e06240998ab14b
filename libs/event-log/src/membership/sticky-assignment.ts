/** A member of a group and the partitions that it holds now. */
export interface Member {
  readonly id: string;
  readonly holds: readonly number[];
}

/**
 * Shares partitions among members evenly (sizes differ by one at most), leaving with each member what it holds as far
 * as that goes: a partition that stays keeps its state in memory. The same members give the same assignment.
 */
export function assignStickily(members: readonly Member[], partitions: number): Map<string, number[]> {
  const ordered = [...members].sort((a, b) => b.holds.length - a.holds.length || (a.id < b.id ? -1 : 1));
  const assigned = new Map<string, number[]>(ordered.map(({ id }) => [id, []]));
  if (ordered.length === 0) return assigned;
  const least = Math.floor(partitions / ordered.length);
  let larger = partitions % ordered.length;
  const free = new Set(Array.from({ length: partitions }, (_, partition) => partition));
  const quota = new Map<string, number>();
  for (const { id, holds } of ordered) {
    const size = larger > 0 ? least + 1 : least;
    if (size > least) larger--;
    quota.set(id, size);
    for (const partition of holds) {
      const mine = assigned.get(id) ?? [];
      if (mine.length < size && free.delete(partition)) mine.push(partition);
    }
  }
  for (const [id, mine] of assigned) {
    for (const partition of free) {
      if (mine.length >= (quota.get(id) ?? 0)) break;
      mine.push(partition);
      free.delete(partition);
    }
    mine.sort((a, b) => a - b);
  }
  return assigned;
}
