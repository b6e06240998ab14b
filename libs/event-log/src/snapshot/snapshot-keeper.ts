import { type Pace, Progress } from './snapshot-pace.js';
import type { SnapshotKey } from './snapshot-store.js';
import type { SnapshotContent, Snapshots } from './snapshots.js';

/** Keeps the snapshot of one fold fresh, in the background. A snapshot that fails is tried again when the next is due. */
export class SnapshotKeeper {
  readonly #progress: Progress;
  readonly #stopping = new AbortController();
  #writing: Promise<void> | undefined;

  constructor(
    private readonly snapshots: Snapshots,
    private readonly key: SnapshotKey,
    private readonly capture: () => SnapshotContent,
    pace: Pace = snapshots.pace,
  ) {
    this.#progress = new Progress(pace, performance.now());
  }

  /** The fold has taken in so many records: all of `capture()` is in force now. */
  moved(records: number): void {
    this.#progress.moved(records);
    if (!this.#writing && this.#progress.due(performance.now())) this.#write();
  }

  /** The fold takes nothing in any more: leaves a last snapshot if that is worth it and done before `giveUp` aborts. */
  async close(giveUp: AbortSignal): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const stop = (): void => {
      this.#stopping.abort();
      resolve();
    };
    if (giveUp.aborted) stop();
    else giveUp.addEventListener('abort', stop, { once: true });
    await Promise.race([late, this.#writing]);
    if (this.#progress.worthLeaving && !this.#stopping.signal.aborted) this.#write();
    await Promise.race([late, this.#writing]);
  }

  #write(): void {
    const capture = (): SnapshotContent => {
      this.#progress.begun(performance.now());
      return this.capture();
    };
    this.#writing = this.snapshots
      .save(this.key, capture, this.#stopping.signal)
      .then(() => void (this.#writing = undefined));
  }
}
