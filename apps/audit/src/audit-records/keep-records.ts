import type { Position } from '#contracts';
import { COPY_FROM, type CopyRows } from '#event-log';
import { storableJson } from '#host';
import { auditRowOf, type Audited } from '#records';

/** The columns of `audit_records`, with the type that a JSON value is read as. */
const COLUMNS = {
  id: 'text',
  time: 'timestamptz',
  type: 'text',
  outcome: 'text',
  actor: 'text',
  application_id: 'uuid',
  client_id: 'text',
  user_id: 'text',
  patient: 'text',
  patients: 'text[]',
  interaction: 'text',
  resource: 'text',
  scope: 'text',
  approval_version: 'integer',
  status: 'integer',
  reason: 'text',
  purposes: 'text[]',
  token_id: 'text',
  call_id: 'text',
  enforcement_point: 'text',
  client_address: 'text',
  user_agent: 'text',
  observed: 'text',
  correlation_id: 'text',
  log_topic: 'text',
  log_partition: 'integer',
  log_offset: 'bigint',
  sequence: 'bigint',
  run: 'text',
  detail: 'jsonb',
} as const;

const columns = Object.keys(COLUMNS);
const names = columns.join(', ');
const typed = Object.entries(COLUMNS)
  .map(([name, type]) => `${name} ${type}`)
  .join(', ');

/** The table is unqualified: the runner of projections chooses the schema, live or being rebuilt. */
const INSERT = `
  INSERT INTO audit_records (${names})
  SELECT ${names} FROM jsonb_to_recordset($1::jsonb) AS record(${typed})
  ON CONFLICT (id) DO NOTHING`;

/**
 * Keeps a batch in one statement, or copies it if it is large. A record that is there already (activity may come twice, with the same id and
 * number) stays as it came first.
 */
export async function keepRecords(
  events: readonly { readonly position: Position; readonly event: Audited }[],
  query: (sql: string, parameters: readonly unknown[]) => Promise<unknown>,
  copy: CopyRows,
): Promise<void> {
  const rows = events.map(({ event, position }) => auditRowOf(event, position));
  if (
    rows.length >= COPY_FROM &&
    (await copy(
      'audit_records',
      columns,
      rows.map((row) => ({ ...row })),
    ))
  )
    return;
  await query(INSERT, [storableJson(rows)]);
}
