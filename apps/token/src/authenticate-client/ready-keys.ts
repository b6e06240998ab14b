import type { AccessFold } from '#access';
import { hasRoom, isMade, materialOf } from './key-material.js';
import type { ClientKey } from './remote-key-sets.js';

/** Lets everything else that waits go first. */
const afterOthers = () => new Promise<void>((resolve) => setImmediate(resolve));

export interface ReadyKeysMeans {
  readonly access: Pick<AccessFold, 'byApplicationId'>;
  /** Told of a key that cannot be made ready: its client will be refused. */
  readonly onUnusable: (applicationId: string, error: unknown) => void;
  readonly now?: () => number;
  /** Waits between two keys. */
  readonly pause?: () => Promise<void>;
}

/**
 * Makes the keys of clients ready before they are used: of those with open access, one key at a time, between what else
 * the process does, as long as there is room for them.
 */
export class ReadyKeys {
  /** Whose keys are to be looked at. */
  readonly #due = new Set<string>();
  #working: Promise<void> | undefined;
  #stopped = false;

  constructor(private readonly means: ReadyKeysMeans) {}

  /** Something of the application is other than before; its keys may be. */
  lookAt(applicationId: string): void {
    if (this.#stopped) return;
    this.#due.add(applicationId);
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  /** Resolves when all that was to be looked at has been. */
  async done(): Promise<void> {
    await this.#working;
  }

  /** Leaves what has not been made ready yet. */
  async close(): Promise<void> {
    this.#stopped = true;
    this.#due.clear();
    await this.#working;
  }

  async #work(): Promise<void> {
    const { pause = afterOthers } = this.means;
    // Those that are noted meanwhile are looked at in the same round.
    for (const applicationId of this.#due) {
      await pause();
      this.#due.delete(applicationId);
      for (const key of this.#unmade(applicationId)) {
        if (this.#hasStopped() || !hasRoom()) return;
        await materialOf(key).catch((error: unknown) => this.means.onUnusable(applicationId, error));
        await pause();
      }
    }
  }

  #unmade(applicationId: string): readonly ClientKey[] {
    const { access, now = Date.now } = this.means;
    const client = access.byApplicationId(applicationId, now());
    if (client?.status !== 'open' || client.clientType !== 'confidential-asymmetric') return [];
    return client.keys.filter((key) => !isMade(key) && !client.deadKeyThumbprints.includes(key.thumbprint));
  }

  #hasStopped(): boolean {
    return this.#stopped;
  }
}
