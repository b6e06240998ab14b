import type { RecordsQuery } from './records-query.js';

type Filter = Exclude<keyof RecordsQuery, 'limit' | 'cursor'>;

/** What each filter asks of a row; `$` stands for the parameter. */
const CONDITIONS: Readonly<Record<Filter, string>> = {
  from: 'r.time >= $',
  to: 'r.time < $',
  id: 'r.id = $',
  type: 'r.type = $',
  outcome: 'r.outcome = $',
  applicationId: 'r.application_id = $',
  clientId: `(r.client_id = $ OR r.application_id IN (
    SELECT g.application_id FROM projection.audit_records g WHERE g.client_id = $ AND g.type = 'application-registered'))`,
  userId: 'r.user_id = $',
  actor: 'r.actor = $',
  patient: '(r.patient = $ OR r.patients @> ARRAY[$::text])',
  patients: 'r.patients @> ARRAY[$::text]',
  interaction: 'r.interaction = $',
  resource: `(r.resource = $ OR starts_with(r.resource, $ || '/'))`,
  scope: `$ = ANY (string_to_array(r.scope, ' '))`,
  approvalVersion: 'r.approval_version = $',
  status: 'r.status = $',
  purpose: '$ = ANY (r.purposes)',
  purposes: '$ = ANY (r.purposes)',
  reason: 'r.reason = $',
  tokenId: 'r.token_id = $',
  callId: 'r.call_id = $',
  enforcementPoint: 'r.enforcement_point = $',
  clientAddress: 'r.client_address = $',
  userAgent: 'r.user_agent = $',
  observed: 'r.observed = $',
  correlationId: 'r.correlation_id = $',
  topic: 'r.log_topic = $',
  partition: 'r.log_partition = $',
  offset: 'r.log_offset = $',
  sequence: 'r.sequence = $',
  run: 'r.run = $',
};

const filters = Object.keys(CONDITIONS).filter((name): name is Filter => name in CONDITIONS);

/** A `WHERE` clause with its parameters: all filters of a query together, and the place after which the page begins. */
export function conditionsOf(
  query: RecordsQuery,
  after: readonly (string | number)[] | undefined,
): { readonly where: string; readonly parameters: readonly (string | number)[] } {
  const parameters: (string | number)[] = [];
  const parts: string[] = [];
  for (const filter of filters) {
    const value = query[filter];
    if (value === undefined) continue;
    parameters.push(filter === 'from' || filter === 'to' ? new Date(value).toISOString() : value);
    parts.push(CONDITIONS[filter].replaceAll('$', `$${parameters.length}`));
  }
  if (after !== undefined) {
    parameters.push(...after);
    parts.push(`(r.time, r.id) < ($${parameters.length - 1}::timestamptz, $${parameters.length}::text)`);
  }
  return { where: parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`, parameters };
}
