import { recordColumns } from '#records';
import { Type } from 'typebox';

const text = () => Type.Optional(Type.String());

/** An audit record as it is answered (api.md, Shapes). */
export const auditRecordSchema = Type.Object({
  id: Type.String(),
  time: Type.String({ description: 'RFC 3339, UTC.' }),
  type: Type.String(),
  outcome: Type.String({ description: '`allowed`, `denied`, how a call ended, what was decided, or `recorded`.' }),
  actor: Type.String({ description: 'A random id that the vault maps, or `system:<reactor>`.' }),
  applicationId: text(),
  clientId: text(),
  userId: text(),
  patient: text(),
  patients: Type.Optional(Type.Array(Type.String(), { description: 'The patients of everything that was returned.' })),
  interaction: text(),
  resource: text(),
  scope: text(),
  approvalVersion: Type.Optional(Type.Integer()),
  status: Type.Optional(Type.Integer()),
  reason: text(),
  purposes: Type.Optional(Type.Array(Type.String())),
  tokenId: text(),
  callId: text(),
  enforcementPoint: text(),
  clientAddress: text(),
  userAgent: text(),
  observed: Type.Optional(
    Type.String({
      description:
        'Of a call in observe mode, which was let in: what enforcement would have made of it. `allowed`, `denied`; of its answer also `filtered`, `unknown`.',
    }),
  ),
  correlationId: Type.String(),
  topic: Type.String(),
  partition: Type.Integer(),
  offset: Type.String(),
  sequence: Type.String({ description: "The aggregate's version, or the record's number in its run." }),
  run: text(),
  detail: {
    type: 'object',
    additionalProperties: true,
    description: 'The data of the record as the log keeps it.',
  } as const,
});

/** A row as `selectRecords` reads it: the columns under the names that the answer has, nulls where nothing is known. */
export interface RecordRow {
  readonly id: string;
  /** With microseconds, so that a cursor names the place exactly. */
  readonly at: string;
  readonly time: Date;
  readonly [column: string]: unknown;
}

/**
 * The id of the client stands in few events; for the others it is the one under which the application was registered,
 * looked up here because no order holds between the topics of two contexts.
 */
const CLIENT_ID = `coalesce(r.client_id, (SELECT g.client_id FROM projection.audit_records g
                                           WHERE g.application_id = r.application_id AND g.type = 'application-registered'
                                           LIMIT 1))`;

const columns = Object.entries(recordColumns).map(
  ([field, column]) => `${field === 'clientId' ? CLIENT_ID : `r.${column}`} AS "${field}"`,
);

/** Reads records. */
export const selectRecords = `
  SELECT to_char(r.time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, ${columns.join(', ')}
    FROM projection.audit_records r`;

/** The answer's form of a row: without what is not known. */
export function recordOf({ at: _at, time, ...columns }: RecordRow): object {
  const { id, ...rest } = columns;
  const known = Object.entries(rest).filter(([, value]) => value !== null);
  return { id, time: time.toISOString(), ...Object.fromEntries(known) };
}
