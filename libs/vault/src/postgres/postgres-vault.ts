import { randomUUID } from 'node:crypto';
import { OwnerErased, VaultCorrupt, type Json, type Profile, type Subject, type Vault } from '../vault.js';
import { decrypt, encrypt } from '../wrapping/cipher.js';
import type { WrappingKeys } from '../wrapping/wrapping-keys.js';
import { BlindIndex } from './blind-index.js';
import { isUuid } from './is-uuid.js';
import { OwnerKeys, type OwnerRow } from './owner-keys.js';
import { SubjectCache } from './subject-cache.js';
import { SystemKeys } from './system-keys.js';
import type { VaultStore } from './vault-store.js';

/** A box with the wrapped key of its owner. */
interface BoxRow extends OwnerRow {
  readonly at: string;
  readonly owner: Buffer;
  readonly box: Buffer;
}

/**
 * The vault in Postgres' schema `vault`, by envelope encryption: each owner has a key of their own, wrapped
 * by the current one of the `WrappingKeys`; AES-256-GCM binds each box to its owner and reference. Owners and identities
 * are found by keyed digests.
 */
export class PostgresVault implements Vault {
  private readonly subjects = new SubjectCache();
  private readonly index: BlindIndex;
  private readonly owners: OwnerKeys;

  constructor(
    private readonly store: VaultStore,
    keys: WrappingKeys,
    system = new SystemKeys(store, keys),
  ) {
    this.index = new BlindIndex(system);
    this.owners = new OwnerKeys(store, keys);
  }

  async subjectId(issuer: string, subject: string, profile: Profile = {}): Promise<string> {
    const person = { issuer, subject, ...profile };
    const cached = this.subjects.idOf(person);
    if (cached !== undefined) return cached;
    const identity = await this.index.of(JSON.stringify([issuer, subject]));
    const id = (await this.knownId(identity)) ?? (await this.newId(identity, person));
    try {
      await this.keepProfile(id, person);
    } catch (error) {
      // Erased in between: from now on they are somebody new.
      if (error instanceof OwnerErased) return this.subjectId(issuer, subject, profile);
      throw error;
    }
    this.subjects.put(person, id);
    return id;
  }

  async lookupSubject(id: string): Promise<Subject | undefined> {
    return (await this.lookupSubjects([id])).get(id);
  }

  async lookupSubjects(ids: readonly string[]): Promise<ReadonlyMap<string, Subject>> {
    const known = ids.filter(isUuid);
    if (known.length === 0) return new Map();
    const rows = await this.store.query<BoxRow>(
      `SELECT s.id AS at, s.box, o.owner, o.wrapped_key, o.wrapped_by
         FROM unnest($1::uuid[], $2::bytea[]) AS asked(id, owner)
         JOIN vault.subjects s USING (id)
         JOIN vault.owners o ON o.owner = asked.owner AND o.erased_at IS NULL`,
      [known, await Promise.all(known.map((id) => this.index.ofOwner(id)))],
    );
    const found = await this.openRows(rows, 'subject');
    return new Map([...found].map(([id, value]) => [id, subjectFrom(value)]));
  }

  async seal(ownerKey: string, plaintext: Json): Promise<string> {
    const owner = await this.index.ofOwner(ownerKey);
    const key = await this.owners.of(owner);
    const reference = randomUUID();
    // An erasure waits for this statement or is seen by it: nothing is kept of whoever was erased.
    const kept = await this.store.query(
      `INSERT INTO vault.sealed (reference, owner, box)
       SELECT $1::uuid, owner, $3::bytea FROM vault.owners WHERE owner = $2 AND erased_at IS NULL FOR SHARE
       RETURNING reference`,
      [reference, owner, encrypt(key, Buffer.from(JSON.stringify(plaintext)), `sealed:${reference}`)],
    );
    if (kept.length === 0) throw new OwnerErased();
    return reference;
  }

  async handOver(from: string, to: string): Promise<void> {
    const [before, heir] = await Promise.all([this.index.ofOwner(from), this.index.ofOwner(to)]);
    const rows = await this.store.query<BoxRow>(
      `SELECT s.reference AS at, s.box, o.owner, o.wrapped_key, o.wrapped_by
         FROM vault.sealed s JOIN vault.owners o USING (owner) WHERE owner = $1 AND o.erased_at IS NULL`,
      [before],
    );
    if (rows.length === 0) return;
    const key = await this.owners.of(heir);
    const boxes = await Promise.all(
      rows.map(async (row) => {
        const plaintext = decrypt(await this.owners.unwrap(row, row.owner), row.box, `sealed:${row.at}`);
        return encrypt(key, plaintext, `sealed:${row.at}`);
      }),
    );
    const [{ heirs } = { heirs: '0' }] = await this.store.query<{ heirs: string }>(
      `WITH heir AS (SELECT owner FROM vault.owners WHERE owner = $2 AND erased_at IS NULL FOR SHARE),
            moved AS (
              UPDATE vault.sealed s SET owner = heir.owner, box = n.box
                FROM heir, unnest($3::uuid[], $4::bytea[]) AS n(reference, box)
               WHERE s.reference = n.reference AND s.owner = $1)
       SELECT count(*) AS heirs FROM heir`,
      [before, heir, rows.map(({ at }) => at), boxes],
    );
    if (Number(heirs) === 0) throw new OwnerErased();
  }

  async open(reference: string): Promise<Json | undefined> {
    return (await this.openAll([reference])).get(reference);
  }

  async openAll(references: readonly string[]): Promise<ReadonlyMap<string, Json>> {
    const known = references.filter(isUuid);
    if (known.length === 0) return new Map();
    const rows = await this.store.query<BoxRow>(
      `SELECT s.reference AS at, s.box, o.owner, o.wrapped_key, o.wrapped_by
         FROM vault.sealed s JOIN vault.owners o USING (owner)
        WHERE s.reference = ANY($1::uuid[]) AND o.erased_at IS NULL`,
      [known],
    );
    return this.openRows(rows, 'sealed');
  }

  async discard(reference: string): Promise<void> {
    if (!isUuid(reference)) return;
    await this.store.query('DELETE FROM vault.sealed WHERE reference = $1', [reference]);
  }

  /** Forgets who somebody was: they were erased. */
  forget(id: string): void {
    this.subjects.forget(id);
  }

  private async knownId(identity: Buffer): Promise<string | undefined> {
    const [row] = await this.store.query<{ id: string }>('SELECT id FROM vault.subjects WHERE identity = $1', [
      identity,
    ]);
    return row?.id;
  }

  /** First sight. Where another instance was quicker, its id counts and the key made here is dropped. */
  private async newId(identity: Buffer, person: Subject): Promise<string> {
    const id = randomUUID();
    const key = await this.owners.of(await this.index.ofOwner(id));
    const inserted = await this.store.query(
      'INSERT INTO vault.subjects (id, identity, box) VALUES ($1, $2, $3) ON CONFLICT (identity) DO NOTHING RETURNING id',
      [id, identity, boxOf(key, id, person)],
    );
    if (inserted.length === 1) return id;
    await this.store.query('DELETE FROM vault.owners WHERE owner = $1', [await this.index.ofOwner(id)]);
    const winner = await this.knownId(identity);
    if (winner === undefined) return this.newId(identity, person);
    return winner;
  }

  /** A changed name or address replaces the one known; a token that carries none changes nothing. */
  private async keepProfile(id: string, person: Subject): Promise<void> {
    if (person.name === undefined && person.email === undefined) return;
    const known = await this.lookupSubject(id);
    const next = { ...known, ...person };
    if (known !== undefined && known.name === next.name && known.email === next.email) return;
    const key = await this.owners.of(await this.index.ofOwner(id));
    await this.store.query('UPDATE vault.subjects SET box = $2 WHERE id = $1', [id, boxOf(key, id, next)]);
  }

  private async openRows(rows: readonly BoxRow[], kind: 'sealed' | 'subject'): Promise<ReadonlyMap<string, Json>> {
    const opened = await Promise.all(
      rows.map(async (row) => {
        const plaintext = decrypt(await this.owners.unwrap(row, row.owner), row.box, `${kind}:${row.at}`);
        const value = JSON.parse(plaintext.toString('utf8')) as Json;
        return [row.at, value] as const;
      }),
    );
    return new Map(opened);
  }
}

function boxOf(key: Buffer, id: string, { issuer, subject, name, email }: Subject): Buffer {
  return encrypt(key, Buffer.from(JSON.stringify({ issuer, subject, name, email })), `subject:${id}`);
}

function subjectFrom(value: Json): Subject {
  if (typeof value !== 'object' || value === null || !('issuer' in value))
    throw new VaultCorrupt('a subject has an unknown form');
  const { issuer, subject, name, email } = value;
  if (typeof issuer !== 'string' || typeof subject !== 'string')
    throw new VaultCorrupt('a subject has an unknown form');
  return {
    issuer,
    subject,
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof email === 'string' ? { email } : {}),
  };
}
