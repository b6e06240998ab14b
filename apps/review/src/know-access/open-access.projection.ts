import {
  type ActivityEntry,
  approval,
  type ApprovalEvent,
  type Recorded,
  registration,
  type RegistrationEvent,
} from '#contracts';
import { activitySource, defineProjection, eventsOf, type Query } from '#event-log';
import { storableJson } from '#host';
import { accessPatches } from './access-patch.js';
import { runKey, useIn, withoutRepeats } from './access-use.js';

const UPSERT_ACCESS = `
  INSERT INTO review_access AS t (application_id, owner_id, closed, asked_name, asked_kind, name, kind, scopes,
                                  approval_version, expires_at, approved_at)
  SELECT application_id, owner_id, closed, asked_name, asked_kind, name, kind, scopes,
         approval_version, expires_at, approved_at
    FROM jsonb_to_recordset($1::jsonb) AS p(application_id uuid, owner_id text, closed text, asked_name text,
         asked_kind text, name text, kind text, scopes text[], approval_version integer, expires_at timestamptz,
         approved_at timestamptz)
  ON CONFLICT (application_id) DO UPDATE SET
    owner_id = coalesce(excluded.owner_id, t.owner_id),
    closed = coalesce(excluded.closed, t.closed),
    asked_name = coalesce(excluded.asked_name, t.asked_name),
    asked_kind = coalesce(excluded.asked_kind, t.asked_kind),
    name = coalesce(excluded.name, t.name),
    kind = coalesce(excluded.kind, t.kind),
    scopes = coalesce(excluded.scopes, t.scopes),
    approval_version = coalesce(excluded.approval_version, t.approval_version),
    expires_at = coalesce(excluded.expires_at, t.expires_at),
    approved_at = coalesce(t.approved_at, excluded.approved_at)`;

const TAKE_ASKED =
  'UPDATE review_access SET name = asked_name, kind = asked_kind WHERE application_id = ANY ($1::uuid[])';

const ADD_USE = `
  INSERT INTO review_access_use AS t (application_id, day, tokens, allowed, denied, last_used_at)
  SELECT application_id, day, tokens, allowed, denied, last_used_at
    FROM jsonb_to_recordset($1::jsonb) AS p(application_id uuid, day date, tokens integer, allowed integer,
         denied integer, last_used_at timestamptz)
  ON CONFLICT (application_id, day) DO UPDATE SET
    tokens = t.tokens + excluded.tokens,
    allowed = t.allowed + excluded.allowed,
    denied = t.denied + excluded.denied,
    last_used_at = greatest(t.last_used_at, excluded.last_used_at)`;

const NOTE_SCOPES = `
  INSERT INTO review_access_scopes AS t (application_id, scope, last_used_at)
  SELECT application_id, scope, last_used_at
    FROM jsonb_to_recordset($1::jsonb) AS p(application_id uuid, scope text, last_used_at timestamptz)
  ON CONFLICT (application_id, scope) DO UPDATE SET last_used_at = greatest(t.last_used_at, excluded.last_used_at)`;

const ADD_CALLS = `
  INSERT INTO review_access_calls AS t (application_id, day, interaction, resource_type, scope, calls, last_used_at)
  SELECT application_id, day, interaction, resource_type, scope, calls, last_used_at
    FROM jsonb_to_recordset($1::jsonb) AS p(application_id uuid, day date, interaction text, resource_type text,
         scope text, calls bigint, last_used_at timestamptz)
  ON CONFLICT (application_id, day, interaction, resource_type, scope) DO UPDATE SET
    calls = t.calls + excluded.calls,
    last_used_at = greatest(t.last_used_at, excluded.last_used_at)`;

const READ_NUMBERS = 'SELECT run, partition, next FROM review_activity_numbers WHERE run = ANY ($1)';

const NOTE_NUMBERS = `
  INSERT INTO review_activity_numbers (run, partition, next)
  SELECT run, partition, next FROM jsonb_to_recordset($1::jsonb) AS p(run text, partition integer, next bigint)
  ON CONFLICT (run, partition) DO UPDATE SET next = excluded.next`;

type DomainEvent = Recorded<RegistrationEvent> | Recorded<ApprovalEvent>;

/** Who has access to what, since when and until when, and how it is used: what a campaign asks about, and its evidence. */
export const openAccessProjection = defineProjection({
  name: 'review-open-access',
  version: 2,
  tables: [
    'review_access',
    'review_access_use',
    'review_access_scopes',
    'review_access_calls',
    'review_activity_numbers',
  ],
  sources: [eventsOf(registration), eventsOf(approval), activitySource],
  // Counts of what happened in a day.
  restMs: 1_000,
  async apply(entries, query) {
    const happened: DomainEvent[] = [];
    const activity: { partition: number; entry: ActivityEntry }[] = [];
    for (const { event, position } of entries) {
      if (isActivity(event)) activity.push({ partition: position.partition, entry: event });
      else happened.push(event);
    }
    await noteEvents(happened, query);
    await noteActivity(activity, query);
  },
});

function isActivity(event: DomainEvent | ActivityEntry): event is ActivityEntry {
  return 'run' in event.meta;
}

async function noteEvents(events: readonly DomainEvent[], query: Query): Promise<void> {
  const patches = accessPatches(events);
  if (patches.length === 0) return;
  const taking = patches.filter(({ take_asked }) => take_asked === true);
  // Before a later question of the same batch takes the place of the one that was approved.
  if (taking.length > 0) await query(TAKE_ASKED, [taking.map(({ application_id }) => application_id)]);
  await query(UPSERT_ACCESS, [storableJson(patches)]);
}

async function noteActivity(
  entries: readonly { readonly partition: number; readonly entry: ActivityEntry }[],
  query: Query,
): Promise<void> {
  if (entries.length === 0) return;
  const runs = [...new Set(entries.map(({ entry }) => entry.meta.run))];
  const rows = await query<{ run: string; partition: number; next: string }>(READ_NUMBERS, [runs]);
  const known = new Map(rows.map(({ run, partition, next }) => [runKey(run, partition), Number(next)]));
  const { fresh, next } = withoutRepeats(entries, known);
  const { days, scopes, calls } = useIn(fresh);
  if (days.length > 0) await query(ADD_USE, [storableJson(days)]);
  if (calls.length > 0) await query(ADD_CALLS, [storableJson(calls)]);
  if (scopes.length > 0) await query(NOTE_SCOPES, [storableJson(scopes)]);
  const numbers = new Map(
    entries.map(({ entry, partition }) => {
      const key = runKey(entry.meta.run, partition);
      return [key, { run: entry.meta.run, partition, next: next.get(key) ?? 0 }];
    }),
  );
  await query(NOTE_NUMBERS, [storableJson([...numbers.values()])]);
}
