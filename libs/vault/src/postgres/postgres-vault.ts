import { randomBytes, randomUUID } from 'node:crypto';
import { decrypt, encrypt, type KeyWrapper } from '../cipher.js';
import { VaultCorrupt, type Json, type Profile, type Subject, type Vault } from '../vault.js';
import { SubjectCache } from './subject-cache.js';

/** Runs one statement and gives its rows; throws `VaultUnavailable` where the database cannot be asked. */
export interface VaultStore {
  query<Row extends object>(sql: string, parameters: readonly unknown[]): Promise<readonly Row[]>;
}

interface OwnerRow {
  readonly wrapped_key: Buffer;
  readonly wrapped_by: string;
}

/** A box with the wrapped key of its owner. */
interface BoxRow extends OwnerRow {
  readonly at: string;
  readonly owner: Buffer;
  readonly box: Buffer;
}

/**
 * The vault in Postgres' schema `vault`, by envelope encryption: each owner has a key of their own, wrapped
 * by the `KeyWrapper`'s; AES-256-GCM binds each box to its owner and reference. Owners and identities are
 * found by keyed digests.
 */
export class PostgresVault implements Vault {
  private readonly subjects = new SubjectCache();

  constructor(
    private readonly store: VaultStore,
    private readonly wrapper: KeyWrapper,
  ) {}

  async subjectId(issuer: string, subject: string, profile: Profile = {}): Promise<string> {
    const person = { issuer, subject, ...profile };
    const cached = this.subjects.idOf(person);
    if (cached !== undefined) return cached;
    const identity = this.wrapper.blindIndex(JSON.stringify([issuer, subject]));
    const id = (await this.knownId(identity)) ?? (await this.newId(identity, person));
    await this.keepProfile(id, person);
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
         JOIN vault.owners o ON o.owner = asked.owner`,
      [known, known.map((id) => this.ownerOf(id))],
    );
    const found = await this.openRows(rows, 'subject');
    return new Map([...found].map(([id, value]) => [id, subjectFrom(value)]));
  }

  async seal(ownerKey: string, plaintext: Json): Promise<string> {
    const owner = this.ownerOf(ownerKey);
    const key = await this.keyFor(owner);
    const reference = randomUUID();
    await this.store.query('INSERT INTO vault.sealed (reference, owner, box) VALUES ($1, $2, $3)', [
      reference,
      owner,
      encrypt(key, Buffer.from(JSON.stringify(plaintext)), `sealed:${reference}`),
    ]);
    return reference;
  }

  async open(reference: string): Promise<Json | undefined> {
    return (await this.openAll([reference])).get(reference);
  }

  async openAll(references: readonly string[]): Promise<ReadonlyMap<string, Json>> {
    const known = references.filter(isUuid);
    if (known.length === 0) return new Map();
    const rows = await this.store.query<BoxRow>(
      `SELECT s.reference AS at, s.box, o.owner, o.wrapped_key, o.wrapped_by
         FROM vault.sealed s JOIN vault.owners o USING (owner) WHERE s.reference = ANY($1::uuid[])`,
      [known],
    );
    return this.openRows(rows, 'sealed');
  }

  async discard(reference: string): Promise<void> {
    if (!isUuid(reference)) return;
    await this.store.query('DELETE FROM vault.sealed WHERE reference = $1', [reference]);
  }

  async erase(ownerKey: string): Promise<void> {
    this.subjects.forget(ownerKey);
    // One statement, so that an erasure is whole or not done.
    await this.store.query(
      'WITH person AS (DELETE FROM vault.subjects WHERE id = $1) DELETE FROM vault.owners WHERE owner = $2',
      [isUuid(ownerKey) ? ownerKey : null, this.ownerOf(ownerKey)],
    );
  }

  private ownerOf(ownerKey: string): Buffer {
    return this.wrapper.blindIndex(`owner:${ownerKey}`);
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
    const key = await this.keyFor(this.ownerOf(id));
    const inserted = await this.store.query(
      'INSERT INTO vault.subjects (id, identity, box) VALUES ($1, $2, $3) ON CONFLICT (identity) DO NOTHING RETURNING id',
      [id, identity, boxOf(key, id, person)],
    );
    if (inserted.length === 1) return id;
    await this.store.query('DELETE FROM vault.owners WHERE owner = $1', [this.ownerOf(id)]);
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
    const key = await this.keyFor(this.ownerOf(id));
    await this.store.query('UPDATE vault.subjects SET box = $2 WHERE id = $1', [id, boxOf(key, id, next)]);
  }

  /** An owner's key, made at first use. */
  private async keyFor(owner: Buffer): Promise<Buffer> {
    const fresh = randomBytes(32);
    const [row] = await this.store.query<OwnerRow>(
      `WITH made AS (
         INSERT INTO vault.owners (owner, wrapped_key, wrapped_by) VALUES ($1, $2, $3)
         ON CONFLICT (owner) DO NOTHING RETURNING wrapped_key, wrapped_by)
       SELECT wrapped_key, wrapped_by FROM made
       UNION ALL SELECT wrapped_key, wrapped_by FROM vault.owners WHERE owner = $1
       LIMIT 1`,
      [owner, await this.wrapper.wrap(fresh, contextOf(owner)), this.wrapper.id],
    );
    // A row that another session committed meanwhile hides from this statement's snapshot: the next one sees it.
    return row === undefined ? this.keyFor(owner) : this.unwrap(row, owner);
  }

  private async unwrap(row: OwnerRow, owner: Buffer): Promise<Buffer> {
    if (row.wrapped_by !== this.wrapper.id)
      throw new VaultCorrupt(`it is wrapped by ${row.wrapped_by}, and the configured key is ${this.wrapper.id}`);
    return this.wrapper.unwrap(row.wrapped_key, contextOf(owner));
  }

  private async openRows(rows: readonly BoxRow[], kind: 'sealed' | 'subject'): Promise<ReadonlyMap<string, Json>> {
    const opened = await Promise.all(
      rows.map(async (row) => {
        const plaintext = decrypt(await this.unwrap(row, row.owner), row.box, `${kind}:${row.at}`);
        const value = JSON.parse(plaintext.toString('utf8')) as Json;
        return [row.at, value] as const;
      }),
    );
    return new Map(opened);
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Only what is written as a UUID is asked for: anything else is no id of ours, and Postgres would refuse it. */
function isUuid(text: string): boolean {
  return uuid.test(text);
}

function contextOf(owner: Buffer): string {
  return `owner:${owner.toString('hex')}`;
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
