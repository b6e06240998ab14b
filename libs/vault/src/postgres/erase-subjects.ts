import type { BlindIndex } from './blind-index.js';
import type { VaultStore } from './vault-store.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Only what is written as a UUID is asked for: anything else is no id of ours, and Postgres would refuse it. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/** That somebody was erased. */
export interface Erasure {
  /** Who: their random id. */
  readonly id: string;
  /** When, RFC 3339. */
  readonly at: string;
}

/**
 * Destroys the keys of some subjects, and what was sealed under them. The row of each stays without a key: as long as it
 * stands no key can be made for that owner again, by whatever instance. One statement, so that it is whole or not done.
 *
 * @param readTo the offset in the topic of erasures before which all are applied with these; it never goes back
 */
export async function eraseSubjects(
  store: VaultStore,
  index: BlindIndex,
  erasures: readonly Erasure[],
  readTo?: bigint,
): Promise<void> {
  const known = erasures.filter(({ id }) => isUuid(id));
  const owners = await Promise.all(known.map(({ id }) => index.ofOwner(id)));
  await store.query(
    `WITH asked AS (SELECT owner, min(at) AS at FROM unnest($2::bytea[], $3::timestamptz[]) AS a(owner, at) GROUP BY owner),
          persons AS (DELETE FROM vault.subjects WHERE id = ANY($1::uuid[])),
          boxes AS (DELETE FROM vault.sealed WHERE owner = ANY($2::bytea[])),
          moved AS (
            INSERT INTO vault.erasures_read AS r (next_offset) SELECT $4::bigint WHERE $4::bigint IS NOT NULL
            ON CONFLICT (one) DO UPDATE SET next_offset = greatest(r.next_offset, excluded.next_offset))
     INSERT INTO vault.owners AS o (owner, erased_at) SELECT owner, at FROM asked
     ON CONFLICT (owner) DO UPDATE SET wrapped_key = NULL, wrapped_by = NULL, erased_at = excluded.erased_at
      WHERE o.erased_at IS NULL`,
    [known.map(({ id }) => id), owners, known.map(({ at }) => at), readTo === undefined ? null : String(readTo)],
  );
}
