import { Client } from 'pg';
import type { ProtocolTables } from './token-checker.js';

/** The tables of codes, refresh tokens and grants, by a connection of its own. */
export async function protocolTables(databaseUrl: string): Promise<ProtocolTables> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const rows = async <R extends object>(sql: string): Promise<R[]> => (await client.query<R>(sql)).rows;
    return {
      codes: await rows<{ digest: string; grantId: string; consumed: boolean }>(
        `SELECT encode(digest, 'hex') AS digest, payload->>'grantId' AS "grantId", consumed_at IS NOT NULL AS consumed
         FROM protocol.provider_records WHERE model = 'AuthorizationCode'`,
      ),
      refreshTokens: await rows<{ digest: string; grantId: string; predecessor: string | null }>(
        `SELECT encode(digest, 'hex') AS digest, grant_id AS "grantId", encode(predecessor, 'hex') AS predecessor
         FROM protocol.refresh_tokens`,
      ),
      grants: await rows<{ grantId: string; ended: boolean; used: boolean }>(
        `SELECT grant_id AS "grantId", ended_at IS NOT NULL AS ended, last_used_at IS NOT NULL AS used
         FROM protocol.grants`,
      ),
    };
  } finally {
    await client.end();
  }
}
