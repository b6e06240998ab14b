import { once } from 'node:events';
import type { CopyRows, CopyValue, Query } from '#event-log';
import { type ClientBase, Query as PostgresQuery } from 'pg';
import { storableJson, storableText } from './storable.js';

/** What pg's connection offers while it copies; its typings leave it out. */
interface CopyingConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** `COPY … FROM STDIN` with all of its rows: pg itself has no source for them. */
class CopyQuery extends PostgresQuery {
  constructor(
    sql: string,
    private readonly content: Buffer,
  ) {
    super(sql);
  }

  /** Called by pg when Postgres is ready to take them. */
  handleCopyInResponse(connection: CopyingConnection): void {
    connection.sendCopyFromChunk(this.content);
    connection.endCopyFrom();
  }
}

/** Postgres's `unique_violation`. */
const THERE_ALREADY = '23505';
const SAVEPOINT = 'copying';

/**
 * COPY on a connection of pg, in the transaction that is open on it.
 *
 * @param query runs statements on the same connection
 */
export function copyOn(connect: () => Promise<ClientBase>, query: Query): CopyRows {
  return async (table, columns, rows) => {
    const client = await connect();
    await query(`SAVEPOINT ${SAVEPOINT}`);
    try {
      const copying = new CopyQuery(`COPY ${table} (${columns.join(', ')}) FROM STDIN`, copyText(columns, rows));
      await once(client.query(copying), 'end');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === THERE_ALREADY)) throw error;
      await query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`);
      return false;
    }
    await query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
    return true;
  };
}

/** Rows in COPY's text format (Postgres's manual, COPY, File Formats). What Postgres refuses becomes U+FFFD, as in {@link storableJson}. */
function copyText(columns: readonly string[], rows: readonly Readonly<Record<string, CopyValue>>[]): Buffer {
  const lines = rows.map((row) => columns.map((column) => copyField(row[column])).join('\t'));
  return Buffer.from(lines.join('\n') + '\n');
}

function copyField(value: CopyValue): string {
  if (value === undefined || value === null) return '\\N';
  if (typeof value === 'string') return PLAIN.test(value) ? value : escaped(storableText(value));
  if (typeof value === 'number') return String(value);
  if (isTexts(value)) return escaped(`{${value.map((each) => quoted(storableText(each))).join(',')}}`);
  return escaped(storableJson(value));
}

function isTexts(value: readonly string[] | object): value is readonly string[] {
  return Array.isArray(value);
}

/** An element of an array's text. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[\\"]/g, '\\$&')}"`;
}

/** Stands as it is, whatever it is copied into. */
const PLAIN = /^[ -[\]-~]*$/;
const SPECIAL = /[\\\n\r\t]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(text: string): string {
  return SPECIAL.test(text) ? text.replaceAll(/[\\\n\r\t]/g, (found) => ESCAPES[found] ?? found) : text;
}
