import { rewrapKeys, type WrappingKeys } from '#vault';
import type { Told } from './told.js';
import type { VaultDatabase } from './vault-database.js';

/** Wraps every key of the vault under the current wrapping key. May be ended at any time, and begun again. */
export async function rotate(database: VaultDatabase, keys: WrappingKeys, show: (line: string) => void): Promise<Told> {
  const { currentId, done } = await rewrapKeys(database, keys, (progress) =>
    show(`${String(progress.done)} of ${String(progress.of)} keys wrapped anew`),
  );
  const data = { currentId, rewrapped: done };
  return {
    data,
    lines: [
      `${String(done)} keys were wrapped anew; all are under ${currentId}.`,
      ...(done === 0
        ? []
        : ['Earlier wrapping keys open nothing here any more, only backups that were made until now.']),
    ],
  };
}
