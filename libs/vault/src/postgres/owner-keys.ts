import { randomBytes } from 'node:crypto';
import { OwnerErased, VaultCorrupt } from '../vault.js';
import type { WrappingKeys } from '../wrapping/wrapping-keys.js';
import type { VaultStore } from './vault-store.js';

/** The key of an owner as the table has it: none of one who was erased. */
export interface OwnerRow {
  readonly wrapped_key: Buffer | null;
  readonly wrapped_by: string | null;
}

/** What an owner's wrapped key is bound to. */
export function contextOfOwner(owner: Buffer): string {
  return `owner:${owner.toString('hex')}`;
}

/** The data keys: one for each owner, wrapped. Owners are digests. */
export class OwnerKeys {
  constructor(
    private readonly store: VaultStore,
    private readonly keys: WrappingKeys,
  ) {}

  /** An owner's key, made at first use. Throws `OwnerErased` for one who was erased: that holds for ever. */
  async of(owner: Buffer): Promise<Buffer> {
    const { by, bytes } = await this.keys.wrap(randomBytes(32), contextOfOwner(owner));
    const [row] = await this.store.query<OwnerRow>(
      `WITH made AS (
         INSERT INTO vault.owners (owner, wrapped_key, wrapped_by) VALUES ($1, $2, $3)
         ON CONFLICT (owner) DO NOTHING RETURNING wrapped_key, wrapped_by)
       SELECT wrapped_key, wrapped_by FROM made
       UNION ALL SELECT wrapped_key, wrapped_by FROM vault.owners WHERE owner = $1
       LIMIT 1`,
      [owner, bytes, by],
    );
    // A row that another session committed meanwhile hides from this statement's snapshot: the next one sees it.
    return row === undefined ? this.of(owner) : this.unwrap(row, owner);
  }

  async unwrap({ wrapped_key: bytes, wrapped_by: by }: OwnerRow, owner: Buffer): Promise<Buffer> {
    if (bytes === null || by === null) throw new OwnerErased();
    const key = await this.keys.unwrap({ by, bytes }, contextOfOwner(owner));
    if (key.length !== 32) throw new VaultCorrupt('a data key has another length');
    return key;
  }
}
