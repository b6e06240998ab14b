import { channels } from '#contracts';
import { LocalWrappingKeys, PostgresVault, type Json, type Subject, type VaultStore } from '#vault';
import { type Client } from 'pg';
import { readBytes } from '../faults/raw-log.js';
import type { Place, Secret } from './find-values.js';
import { unpacked } from './unpacked.js';

/** Every record of every topic, aborted ones too: key and value as Kafka holds them. */
export async function topicsOf(brokers: string, prefix: string): Promise<readonly Place[]> {
  const places: Place[] = [];
  for (const { topic } of channels) {
    const records = await readBytes(brokers, prefix + topic.name, { uncommitted: true });
    const bytes = records.flatMap(({ key, value }) => [key ?? Buffer.alloc(0), value ?? Buffer.alloc(0)]);
    places.push({ name: `topic ${topic.name}`, content: Buffer.concat(bytes) });
  }
  return places;
}

/** Every row of every table but those of the vault, and what is packed in its bytes. */
export async function tablesOf(client: Client): Promise<readonly Place[]> {
  const { rows: tables } = await client.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, t.relname AS name FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE t.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('vault', 'pg_catalog', 'information_schema')
        AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1, 2`,
  );
  const places: Place[] = [];
  for (const { schema, name } of tables) {
    const { rows } = await client.query<Record<string, unknown>>(
      `SELECT t.*, t::text AS as_text FROM ${schema}.${name} t`,
    );
    const bytes = rows.flatMap((row) =>
      Object.values(row)
        .filter((value) => Buffer.isBuffer(value))
        .map(unpacked),
    );
    const texts = rows.map((row) => String(row['as_text']));
    places.push({ name: `table ${schema}.${name}`, content: Buffer.concat([...bytes, Buffer.from(texts.join('\n'))]) });
  }
  return places;
}

/** What the vault keeps, opened: who people are, and all that was sealed. */
export async function vaultOf(
  client: Client,
  key: Buffer,
): Promise<{ readonly subjects: readonly Subject[]; readonly secrets: readonly Secret[] }> {
  const query: VaultStore['query'] = async <Row extends object>(sql: string, parameters: readonly unknown[]) =>
    (await client.query<Row>(sql, [...parameters])).rows;
  const vault = new PostgresVault({ query }, new LocalWrappingKeys(key));
  const ids = await client.query<{ id: string }>('SELECT id FROM vault.subjects');
  const sealed = await client.query<{ id: string }>('SELECT reference AS id FROM vault.sealed');
  const subjects = await vault.lookupSubjects(ids.rows.map(({ id }) => id));
  const opened = await vault.openAll(sealed.rows.map(({ id }) => id));
  return { subjects: [...subjects.values()], secrets: [...opened.values()].flatMap((value) => secretsIn(value)) };
}

/** Private parts of keys (RFC 7518 §6), and every text that is not part of a key. */
const PRIVATE_PARTS = new Set(['d', 'k', 'p', 'q', 'dp', 'dq', 'qi']);

function secretsIn(value: Json): readonly Secret[] {
  if (typeof value === 'string') return value.length < 8 ? [] : [{ what: 'a sealed text', value }];
  if (typeof value !== 'object' || value === null) return [];
  if (isList(value)) return value.flatMap(secretsIn);
  return Object.entries(value).flatMap(([name, each]) =>
    PRIVATE_PARTS.has(name) && typeof each === 'string' ? [{ what: `the part ${name} of a key`, value: each }] : [],
  );
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
