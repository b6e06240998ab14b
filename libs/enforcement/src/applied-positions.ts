import type { Position } from '#contracts';
import type { NextOffsets } from '#event-log';

/** How far this process has applied each partition of some topics. */
export class AppliedPositions {
  readonly #next = new Map<string, bigint[]>();

  constructor(start: NextOffsets) {
    for (const [topic, offsets] of start) this.#next.set(topic, [...offsets]);
  }

  /** Moves a partition on; never back. */
  advance(topic: string, partition: number, next: bigint): void {
    const offsets = this.#next.get(topic);
    const before = offsets?.[partition];
    if (offsets && before !== undefined && before < next) offsets[partition] = next;
  }

  /** Whether everything before these offsets has been applied; a partition that is not read has not. */
  reached(offsets: NextOffsets): boolean {
    return [...offsets].every(([topic, ends]) => {
      const next = this.#next.get(topic);
      return next !== undefined && ends.every((end, partition) => (next[partition] ?? -1n) >= end);
    });
  }

  /** Whether the record at a position has been applied. */
  hasApplied({ topic, partition, offset }: Position): boolean {
    return (this.#next.get(topic)?.[partition] ?? 0n) > offset;
  }

  /** A copy. */
  snapshot(): Map<string, bigint[]> {
    return new Map([...this.#next].map(([topic, offsets]) => [topic, [...offsets]]));
  }
}
