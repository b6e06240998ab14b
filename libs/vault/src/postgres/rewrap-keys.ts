import type { WrappingKeys } from '../wrapping/wrapping-keys.js';
import { contextOfPurpose } from './system-keys.js';
import { contextOfOwner } from './owner-keys.js';
import type { VaultStore } from './vault-store.js';

const perRound = 200;

interface Held {
  readonly wrapped_key: Buffer;
  readonly wrapped_by: string;
}

/** How far a rotation is. */
export interface Rewrapped {
  /** The key that wraps now. */
  readonly currentId: string;
  /** How many keys were wrapped anew. */
  readonly done: number;
  /** How many there are in all that were wrapped by another key when it began. */
  readonly of: number;
}

/**
 * Wraps every key of the vault under the current wrapping key that another one wrapped; what is sealed stays as it is.
 * It may be ended at any moment and begun again, beside running services, and by several at once. When it has resolved,
 * nothing that was there when it began needs an earlier key.
 *
 * Throws `VaultCorrupt` where a key is wrapped by one that is not configured; what was done until then stays.
 */
export async function rewrapKeys(
  store: VaultStore,
  keys: WrappingKeys,
  onProgress: (progress: Rewrapped) => void = () => undefined,
): Promise<Rewrapped> {
  const currentId = await keys.currentId();
  const of = await countOthers(store, currentId);
  let done = 0;
  const told = (): Rewrapped => ({ currentId, done, of });
  for (const { purpose, ...row } of await othersOfSystem(store, currentId)) {
    const { by, bytes } = await anew(keys, row, contextOfPurpose(purpose));
    await store.query(
      'UPDATE vault.system_keys SET wrapped_key = $2, wrapped_by = $3 WHERE purpose = $1 AND wrapped_key = $4',
      [purpose, bytes, by, row.wrapped_key],
    );
    done += 1;
  }
  let after: Buffer = Buffer.alloc(0);
  for (;;) {
    const rows = await othersOfOwners(store, currentId, after);
    const last = rows.at(-1);
    if (last === undefined) return told();
    const wrapped = await Promise.all(rows.map((row) => anew(keys, row, contextOfOwner(row.owner))));
    // Who was erased or wrapped anew meanwhile does not have that wrapped key any more, and is left alone.
    await store.query(
      `UPDATE vault.owners o SET wrapped_key = n.bytes, wrapped_by = n.by
         FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::text[]) AS n(owner, was, bytes, by)
        WHERE o.owner = n.owner AND o.wrapped_key = n.was`,
      [
        rows.map(({ owner }) => owner),
        rows.map(({ wrapped_key }) => wrapped_key),
        wrapped.map(({ bytes }) => bytes),
        wrapped.map(({ by }) => by),
      ],
    );
    after = last.owner;
    done += rows.length;
    onProgress(told());
  }
}

async function anew(keys: WrappingKeys, { wrapped_key: bytes, wrapped_by: by }: Held, context: string) {
  return keys.wrap(await keys.unwrap({ by, bytes }, context), context);
}

async function countOthers(store: VaultStore, currentId: string): Promise<number> {
  const [row] = await store.query<{ n: string }>(
    `SELECT (SELECT count(*) FROM vault.owners WHERE wrapped_by <> $1)
          + (SELECT count(*) FROM vault.system_keys WHERE wrapped_by <> $1) AS n`,
    [currentId],
  );
  return Number(row?.n ?? 0);
}

function othersOfSystem(
  store: VaultStore,
  currentId: string,
): Promise<readonly (Held & { readonly purpose: string })[]> {
  return store.query('SELECT purpose, wrapped_key, wrapped_by FROM vault.system_keys WHERE wrapped_by <> $1', [
    currentId,
  ]);
}

function othersOfOwners(
  store: VaultStore,
  currentId: string,
  after: Buffer,
): Promise<readonly (Held & { readonly owner: Buffer })[]> {
  return store.query(
    `SELECT owner, wrapped_key, wrapped_by FROM vault.owners
      WHERE wrapped_by <> $1 AND owner > $2 ORDER BY owner LIMIT ${String(perRound)}`,
    [currentId, after],
  );
}
