import { approval, registration, type ApprovalEvent, type Recorded, type RegistrationEvent } from '#contracts';
import { defineProjection, eventsOf, type Query } from '#event-log';
import { storableJson } from '#host';
import {
  evolveApplication,
  viewReview,
  type ApplicationApproval,
  type ApplicationEvent,
} from '../domain/application-approval.js';

/**
 * Reviews as `GET` shows them. Rows are folded by the same `evolve` and `view` that answer commands, so that both say
 * the same; `registration` is read for who owns an application now.
 */
export const reviewsProjection = defineProjection({
  name: 'approval-reviews',
  version: 2,
  tables: ['approval_applications', 'approval_reviews', 'approval_history', 'approval_policies'],
  sources: [eventsOf(approval), eventsOf(registration)],
  async apply(entries, query) {
    const events = entries.map(({ event }) => event);
    await keepOwners(events.flatMap(newOwner), query);
    await keepReviews(events.filter(isOfApplication), query);
    await keepPolicies(events.filter(isOfPolicy), query);
  },
});

type AnyEvent = Recorded<ApprovalEvent> | Recorded<RegistrationEvent>;
type PolicySet = Recorded<Extract<ApprovalEvent, { readonly type: 'policy-set' }>>;

const approvalEvents: ReadonlySet<string> = new Set(Object.keys(approval.events));

function isOfPolicy(event: AnyEvent): event is PolicySet {
  return event.type === 'policy-set';
}

function isOfApplication(event: AnyEvent): event is Recorded<ApplicationEvent> {
  return event.type !== 'policy-set' && approvalEvents.has(event.type);
}

function newOwner(event: AnyEvent): readonly { application_id: string; owner_id: string }[] {
  if (event.type !== 'application-registered' && event.type !== 'ownership-transferred') return [];
  return [{ application_id: event.meta.subject, owner_id: event.data.ownerId }];
}

async function keepOwners(
  owners: readonly { application_id: string; owner_id: string }[],
  query: Query,
): Promise<void> {
  const latest = new Map(owners.map((owner) => [owner.application_id, owner]));
  if (latest.size === 0) return;
  await query(
    `INSERT INTO approval_applications (application_id, owner_id)
     SELECT application_id, owner_id FROM jsonb_to_recordset($1::jsonb) AS r (application_id uuid, owner_id text)
     ON CONFLICT (application_id) DO UPDATE SET owner_id = EXCLUDED.owner_id`,
    [storableJson([...latest.values()])],
  );
}

async function keepReviews(events: readonly Recorded<ApplicationEvent>[], query: Query): Promise<void> {
  if (events.length === 0) return;
  const states = await statesOf([...new Set(events.map(({ meta }) => meta.subject))], query);
  const reviews = new Map<string, { view: object; declared?: object }>();
  const applications = new Map<string, object>();
  for (const event of events) {
    const { subject, version } = event.meta;
    const state = evolveApplication(states.get(subject), event);
    states.set(subject, state);
    const declared = event.type === 'review-opened' ? event.data.reviewed : reviews.get(state.review.id)?.declared;
    reviews.set(state.review.id, { view: viewReview(state, version), ...(declared && { declared }) });
    applications.set(subject, applicationRow(state));
  }
  await query(
    `INSERT INTO approval_applications (application_id, state, approval_version, expires_at)
     SELECT application_id, state, approval_version, expires_at FROM jsonb_to_recordset($1::jsonb)
       AS r (application_id uuid, state jsonb, approval_version integer, expires_at timestamptz)
     ON CONFLICT (application_id) DO UPDATE
       SET state = EXCLUDED.state, approval_version = EXCLUDED.approval_version, expires_at = EXCLUDED.expires_at`,
    [storableJson([...applications.values()])],
  );
  await query(
    `INSERT INTO approval_reviews (id, application_id, status, due_at, breached, view, declared)
     SELECT (view ->> 'id')::uuid, (view ->> 'applicationId')::uuid, view ->> 'status', (view ->> 'dueAt')::timestamptz,
            view ? 'breachedAt', view, declared
     FROM jsonb_to_recordset($1::jsonb) AS r (view jsonb, declared jsonb)
     ON CONFLICT (id) DO UPDATE
       SET status = EXCLUDED.status, breached = EXCLUDED.breached, view = EXCLUDED.view,
           declared = COALESCE(EXCLUDED.declared, approval_reviews.declared)`,
    [storableJson([...reviews.values()])],
  );
  await query(
    `INSERT INTO approval_history (application_id, version, time, type, actor, data)
     SELECT application_id, version, time, type, actor, data FROM jsonb_to_recordset($1::jsonb)
       AS r (application_id uuid, version integer, time timestamptz, type text, actor text, data jsonb)`,
    [storableJson(events.map(historyRow))],
  );
}

async function statesOf(ids: readonly string[], query: Query): Promise<Map<string, ApplicationApproval>> {
  const rows = await query<{ application_id: string; state: ApplicationApproval }>(
    'SELECT application_id, state FROM approval_applications WHERE application_id = ANY ($1::uuid[]) AND state IS NOT NULL',
    [ids],
  );
  return new Map(rows.map((row) => [row.application_id, row.state]));
}

/** `expires_at` stands only while an approval is in force: it is what the timer looks for. */
function applicationRow(state: ApplicationApproval): object {
  const inForce = state.approval?.expired === false ? state.approval : undefined;
  return {
    application_id: state.applicationId,
    state,
    approval_version: inForce?.version ?? null,
    expires_at: inForce?.expiresAt ?? null,
  };
}

function historyRow({ type, data, meta }: Recorded<ApplicationEvent>): object {
  return { application_id: meta.subject, version: meta.version, time: meta.time, type, actor: meta.actor, data };
}

async function keepPolicies(events: readonly PolicySet[], query: Query): Promise<void> {
  if (events.length === 0) return;
  await query(
    `INSERT INTO approval_policies (version, policy, actor, time)
     SELECT version, policy, actor, time FROM jsonb_to_recordset($1::jsonb)
       AS r (version integer, policy jsonb, actor text, time timestamptz)`,
    [
      storableJson(
        events.map(({ data, meta }) => ({
          version: meta.version,
          policy: data.policy,
          actor: meta.actor,
          time: meta.time,
        })),
      ),
    ],
  );
}
