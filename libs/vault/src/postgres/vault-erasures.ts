import { BlindIndex } from './blind-index.js';
import { isUuid } from './is-uuid.js';
import type { SystemKeys } from './system-keys.js';
import type { VaultStore } from './vault-store.js';

/** That somebody was erased. */
export interface Erasure {
  /** Who: their random id. */
  readonly id: string;
  /** When, RFC 3339. */
  readonly at: string;
}

/**
 * Erasures as the vault carries them out. What is erased stays so: the row of an owner is left without a key, and as long
 * as it stands no instance can make one for that owner again.
 */
export class VaultErasures {
  private readonly index: BlindIndex;

  constructor(
    private readonly store: VaultStore,
    keys: SystemKeys,
  ) {
    this.index = new BlindIndex(keys);
  }

  /** The offset in the topic of erasures before which all are carried out here; 0 for a vault that knows of none. */
  async readTo(): Promise<bigint> {
    const [row] = await this.store.query<{ next: string }>('SELECT next_offset AS next FROM vault.erasures_read', []);
    return BigInt(row?.next ?? 0);
  }

  /** When somebody was erased, RFC 3339; undefined where they were not. */
  async erasedAt(id: string): Promise<string | undefined> {
    if (!isUuid(id)) return undefined;
    const [row] = await this.store.query<{ at: Date | null }>(
      'SELECT erased_at AS at FROM vault.owners WHERE owner = $1',
      [await this.index.ofOwner(id)],
    );
    return row?.at?.toISOString();
  }

  /** Those of some ids that are not erased. */
  async notErased(ids: readonly string[]): Promise<readonly string[]> {
    const known = ids.filter(isUuid);
    const rows = await this.store.query<{ id: string }>(
      `SELECT asked.id FROM unnest($1::text[], $2::bytea[]) AS asked(id, owner)
        WHERE NOT EXISTS (SELECT 1 FROM vault.owners o WHERE o.owner = asked.owner AND o.erased_at IS NOT NULL)`,
      [known, await Promise.all(known.map((id) => this.index.ofOwner(id)))],
    );
    return rows.map(({ id }) => id);
  }

  /** Those of some ids for whom something is sealed. */
  async holding(ids: readonly string[]): Promise<readonly string[]> {
    const known = ids.filter(isUuid);
    const rows = await this.store.query<{ id: string }>(
      `SELECT asked.id FROM unnest($1::text[], $2::bytea[]) AS asked(id, owner)
        WHERE EXISTS (SELECT 1 FROM vault.sealed s WHERE s.owner = asked.owner)`,
      [known, await Promise.all(known.map((id) => this.index.ofOwner(id)))],
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Destroys the keys of some subjects, what was sealed under them, and who they were. Keys and how far the vault has read go in
   * one statement, so that it is whole or not done; repeating it changes nothing.
   *
   * @param read the offsets in the topic of erasures that these are all of: `from` included, `to` not. How far the vault has
   *   read moves to `to`, and never back
   * @returns false where the vault has not read as far as `from`: it was put back to an earlier copy, what came between is
   *   not carried out there, and how far it has read stays
   */
  async apply(erasures: readonly Erasure[], read?: { readonly from: bigint; readonly to: bigint }): Promise<boolean> {
    const known = erasures.filter(({ id }) => isUuid(id));
    const owners = await Promise.all(known.map(({ id }) => this.index.ofOwner(id)));
    const [row] = await this.store.query<{ moved: string }>(
      `WITH asked AS (SELECT owner, min(at) AS at FROM unnest($2::bytea[], $3::timestamptz[]) AS a(owner, at) GROUP BY owner),
            persons AS (DELETE FROM vault.subjects WHERE id = ANY($1::uuid[])),
            boxes AS (DELETE FROM vault.sealed WHERE owner = ANY($2::bytea[])),
            keys AS (
              INSERT INTO vault.owners AS o (owner, erased_at) SELECT owner, at FROM asked ORDER BY owner
              ON CONFLICT (owner) DO UPDATE SET wrapped_key = NULL, wrapped_by = NULL, erased_at = excluded.erased_at
               WHERE o.erased_at IS NULL),
            begun AS (
              INSERT INTO vault.erasures_read AS r (next_offset) SELECT $5::bigint WHERE $4::bigint = 0
              ON CONFLICT (one) DO UPDATE SET next_offset = greatest(r.next_offset, excluded.next_offset)
              RETURNING 1),
            gone_on AS (
              UPDATE vault.erasures_read SET next_offset = greatest(next_offset, $5::bigint)
               WHERE $4::bigint > 0 AND next_offset >= $4::bigint
              RETURNING 1)
       SELECT (SELECT count(*) FROM begun) + (SELECT count(*) FROM gone_on) AS moved`,
      [
        known.map(({ id }) => id),
        owners,
        known.map(({ at }) => at),
        read === undefined ? null : String(read.from),
        read === undefined ? null : String(read.to),
      ],
    );
    // What somebody was about to seal stood in nobody's sight yet; from now on nothing can be sealed for them. Its key is gone.
    await this.store.query(
      `DELETE FROM vault.sealed s USING vault.owners o
        WHERE s.owner = o.owner AND o.owner = ANY($1::bytea[]) AND o.erased_at IS NOT NULL`,
      [owners],
    );
    return read === undefined || Number(row?.moved ?? 0) > 0;
  }
}
