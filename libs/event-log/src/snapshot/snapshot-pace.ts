/** When a fold is worth a new snapshot: when a restart without it would read this much again. */
export interface Pace {
  /** Records after which a snapshot is written, once `restMs` have passed since the last. */
  readonly records: number;
  readonly restMs: number;
  /** Fewer records than this are read again quicker than they are stored. */
  readonly fewRecords: number;
  /** With at least `fewRecords`, a snapshot is written after this long all the same. */
  readonly idleMs: number;
}

/** A partition of a context, or the fold of access: 10,000 records are read again in a tenth of a second. */
export const snapshotPace: Pace = { records: 10_000, restMs: 60_000, fewRecords: 1_000, idleMs: 300_000 };

/** Counts what a fold has taken in since its last snapshot. */
export class Progress {
  #records = 0;
  #since: number;

  constructor(
    private readonly pace: Pace,
    nowMs: number,
  ) {
    this.#since = nowMs;
  }

  moved(records: number): void {
    this.#records += records;
  }

  /** Whether a snapshot is due at `nowMs`, in milliseconds on any clock that runs on. */
  due(nowMs: number): boolean {
    const rested = nowMs - this.#since;
    const { records, restMs, fewRecords, idleMs } = this.pace;
    return (this.#records >= records && rested >= restMs) || (this.#records >= fewRecords && rested >= idleMs);
  }

  /** Whether a process that stops should leave a snapshot. */
  get worthLeaving(): boolean {
    return this.#records >= this.pace.fewRecords;
  }

  /** A snapshot is being written of all up to now. */
  begun(nowMs: number): void {
    this.#records = 0;
    this.#since = nowMs;
  }
}
