import type { AuditRow } from './record-row.js';

/** The names that an audit record is answered under (api.md, Shapes), each with its column. */
export const recordColumns = {
  id: 'id',
  time: 'time',
  type: 'type',
  outcome: 'outcome',
  actor: 'actor',
  applicationId: 'application_id',
  clientId: 'client_id',
  userId: 'user_id',
  patient: 'patient',
  patients: 'patients',
  interaction: 'interaction',
  resource: 'resource',
  scope: 'scope',
  approvalVersion: 'approval_version',
  status: 'status',
  reason: 'reason',
  purposes: 'purposes',
  tokenId: 'token_id',
  callId: 'call_id',
  enforcementPoint: 'enforcement_point',
  clientAddress: 'client_address',
  userAgent: 'user_agent',
  observed: 'observed',
  correlationId: 'correlation_id',
  topic: 'log_topic',
  partition: 'log_partition',
  offset: 'log_offset',
  sequence: 'sequence',
  run: 'run',
  detail: 'detail',
} as const satisfies Readonly<Record<string, keyof AuditRow>>;

export type RecordField = keyof typeof recordColumns;

/** An audit record as it is answered: what is not known is absent. */
export type AnsweredRecord = { readonly [Field in RecordField]?: unknown };

/**
 * What the API must answer for a record of the log, for who holds the one against the other. The client's id is looked up
 * where the record does not name it, so it may be absent here and not there.
 */
export function answeredRecord(row: AuditRow): AnsweredRecord {
  const fields = Object.entries(recordColumns).map(([field, column]): [string, unknown] => [field, row[column]]);
  const known = fields.filter(([, value]) => value !== undefined);
  return asStored({ ...Object.fromEntries(known), time: new Date(row.time).toISOString() });
}

/** As `jsonb` holds it: NUL and half surrogate pairs, which Postgres refuses, are U+FFFD. */
function asStored(record: object): AnsweredRecord {
  return JSON.parse(JSON.stringify(record), (_name, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value,
  ) as AnsweredRecord;
}
