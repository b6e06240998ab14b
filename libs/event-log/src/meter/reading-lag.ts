import type { Lag } from './log-meter.js';

/** How far a reader is behind in one partition. */
export class ReadingLag {
  #end: bigint | undefined;
  #caughtUpAt: number;

  /**
   * @param handled the next offset to handle
   * @param now     milliseconds of a clock that only goes forward
   */
  constructor(
    private handled: bigint,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#caughtUpAt = now();
  }

  /** The brokers said where the partition ends. */
  heard(end: bigint): void {
    this.#end = end;
    this.#look();
  }

  /** All before this offset is handled. */
  moved(next: bigint): void {
    this.handled = next;
    this.#look();
  }

  get(): Lag {
    const records = this.#end === undefined ? 0 : Number(this.#end - this.handled);
    return { records: Math.max(0, records), seconds: (this.now() - this.#caughtUpAt) / 1_000 };
  }

  #look(): void {
    if (this.#end !== undefined && this.handled >= this.#end) this.#caughtUpAt = this.now();
  }
}

/** Of several partitions: all records, and the longest time. */
export function lagOf(each: Iterable<ReadingLag>): Lag {
  let records = 0;
  let seconds = 0;
  for (const lag of each) {
    const found = lag.get();
    records += found.records;
    seconds = Math.max(seconds, found.seconds);
  }
  return { records, seconds };
}
