import { BaseConfig, Database, encodeCursor, InjectProjection, notFound, type ProjectionReadiness } from '#host';
import type { AuditEvent, Bundle } from '@medplum/fhirtypes';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { auditRecordsProjection } from '../audit-records/audit-records.projection.js';
import type { Position } from '#contracts';
import { auditEventOf, type AuditEventRow } from './audit-event.js';
import { CLIENT_ID, OUTCOME, readSearch, type Search } from './search-parameters.js';

interface FoundRow extends AuditEventRow {
  /** With microseconds, so that a cursor names the place exactly. */
  readonly at: string;
}

/**
 * A call is two records: the decision, and what became of it. Together they are one AuditEvent for each patient whose
 * data was returned (BALP, PatientQuery), else for the patient of the token; one where there is none.
 */
const SELECT = `
  SELECT r.id, to_char(r.time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, r.time, r.type, r.actor,
         ${CLIENT_ID} AS "clientId", r.user_id AS "userId", r.interaction, r.resource, r.reason, r.purposes,
         r.token_id AS "tokenId", r.enforcement_point AS "enforcementPoint", r.client_address AS "clientAddress",
         r.correlation_id AS "correlationId", r.log_topic AS topic, ${OUTCOME} AS "outcomeCode",
         p.patient AS "patientId", coalesce(p.at, 0)::integer AS "patientAt",
         coalesce((c.detail ->> 'patientsIncomplete')::boolean, false) AS "patientsIncomplete"
    FROM projection.audit_records r
    LEFT JOIN LATERAL (
      SELECT c.outcome, c.status, c.patients, c.detail FROM projection.audit_records c
       WHERE c.call_id = r.call_id AND c.type = 'access-completed' LIMIT 1) c ON true
    LEFT JOIN LATERAL unnest(CASE WHEN cardinality(c.patients) > 0 THEN c.patients
                                  WHEN r.patient IS NOT NULL THEN ARRAY[r.patient] END)
      WITH ORDINALITY AS p (patient, at) ON true
   WHERE r.type <> 'access-completed'`;

/** FHIR's search over AuditEvent, as a searchset Bundle. */
export class SearchAuditEvents extends Query<Bundle<AuditEvent>> {
  constructor(
    readonly asked: URLSearchParams,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(SearchAuditEvents)
export class SearchAuditEventsHandler implements IQueryHandler<SearchAuditEvents> {
  constructor(
    private readonly database: Database,
    private readonly config: BaseConfig,
    @InjectProjection(auditRecordsProjection) private readonly projection: ProjectionReadiness,
  ) {}

  async execute({ asked, seen }: SearchAuditEvents): Promise<Bundle<AuditEvent>> {
    const search = readSearch(asked);
    await this.projection.reached(seen);
    const rows = await select(this.database, search, search.count + 1);
    const shown = rows.slice(0, search.count);
    const last = shown.at(-1);
    const base = `${this.config.publicUrl}/audit/fhir/AuditEvent`;
    const link = (parameters: URLSearchParams) => `${base}${parameters.size === 0 ? '' : `?${parameters.toString()}`}`;
    const next = new URLSearchParams(search.asked);
    if (last !== undefined) next.set('cursor', encodeCursor([last.at, last.id, last.patientAt]));
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      link: [
        { relation: 'self', url: link(asked) },
        ...(rows.length > shown.length ? [{ relation: 'next' as const, url: link(next) }] : []),
      ],
      entry: shown.map((row) => {
        const resource = auditEventOf(row, this.config);
        return { fullUrl: `${base}/${resource.id ?? ''}`, resource, search: { mode: 'match' } };
      }),
    };
  }
}

/** One AuditEvent. */
export class ReadAuditEvent extends Query<AuditEvent> {
  constructor(
    readonly id: string,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(ReadAuditEvent)
export class ReadAuditEventHandler implements IQueryHandler<ReadAuditEvent> {
  constructor(
    private readonly database: Database,
    private readonly config: BaseConfig,
    @InjectProjection(auditRecordsProjection) private readonly projection: ProjectionReadiness,
  ) {}

  async execute({ id, seen }: ReadAuditEvent): Promise<AuditEvent> {
    if (!/^[A-Za-z0-9.-]{1,64}$/.test(id)) throw notFound();
    await this.projection.reached(seen);
    const [row] = await select(this.database, readSearch(new URLSearchParams({ _id: id })), 1);
    if (row === undefined) throw notFound();
    return auditEventOf(row, this.config);
  }
}

function select(database: Database, { conditions, values }: Search, limit: number): Promise<readonly FoundRow[]> {
  const where = conditions.map((condition) => ` AND ${condition}`).join('');
  return database.query<FoundRow>(
    `${SELECT}${where} ORDER BY r.time DESC, r.id DESC, coalesce(p.at, 0) LIMIT $${values.length + 1}`,
    [...values, limit],
  );
}
