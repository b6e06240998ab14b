import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

/** What one test file has to itself on the broker and the Postgres that all share. */
export interface Isolation {
  /** Stands before every topic, group and transactional id: `t` and eight hex digits, then a dot. */
  readonly prefix: string;
  /** The shared brokers, as KAFKA_BROKERS takes them. */
  readonly brokers: string;
  /** A database of its own, empty, as DATABASE_URL takes it. */
  readonly databaseUrl: string;
  /** Drops the database, ending the sessions that are still on it. Call it in `afterAll`. */
  dispose(): Promise<void>;
}

/**
 * A fresh prefix and a fresh database, for a test file's `beforeAll`:
 *
 * ```ts
 * let own: Isolation;
 * beforeAll(async () => { own = await isolate(); });
 * afterAll(() => own.dispose());
 * ```
 */
export async function isolate(): Promise<Isolation> {
  const name = `t${randomBytes(4).toString('hex')}`;
  const shared = required('DATABASE_URL');
  await query(shared, `CREATE DATABASE ${name}`);
  const url = new URL(shared);
  url.pathname = `/${name}`;
  return {
    prefix: `${name}.`,
    brokers: required('KAFKA_BROKERS'),
    databaseUrl: url.href,
    dispose: () => query(shared, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

function required(name: 'KAFKA_BROKERS' | 'DATABASE_URL'): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(
      `${name} is not set: name the test .int.spec.ts, .e2e.spec.ts or .fault.spec.ts, so that Jest starts one.`,
    );
  }
  return value;
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
