import { type Recorded, review, type ReviewEvent } from '#contracts';
import { defineProjection, eventsOf, type Query } from '#event-log';
import { storableJson } from '#host';

type Event<T extends ReviewEvent['type']> = Extract<Recorded<ReviewEvent>, { readonly type: T }>;

const OPENED = `
  INSERT INTO campaigns (id, version, name, status, due_at, include, on_silence, population, opened_at, opened_by)
  SELECT id, version, name, 'open', due_at, include, on_silence, population, opened_at, opened_by
    FROM jsonb_to_recordset($1::jsonb) AS p(id uuid, version integer, name text, due_at timestamptz, include jsonb,
         on_silence text, population integer, opened_at timestamptz, opened_by text)`;

const ITEMS = `
  INSERT INTO campaign_items (id, campaign_id, application_id, application_name, owner_id, scopes, evidence, recommendation)
  SELECT id, campaign_id, "applicationId", "applicationName", "ownerId", scopes, evidence, recommendation
    FROM jsonb_to_recordset($1::jsonb) AS p(id uuid, campaign_id uuid, "applicationId" uuid, "applicationName" text,
         "ownerId" text, scopes text[], evidence jsonb, recommendation text)`;

const DECIDED = `
  UPDATE campaign_items i
     SET decision = p.decision, decision_scopes = p.scopes, reason = p.reason, by_silence = p."bySilence",
         decided_by = p.decided_by, decided_at = p.decided_at
    FROM jsonb_to_recordset($1::jsonb) AS p("itemId" uuid, decision text, scopes text[], reason text, "bySilence" boolean,
         decided_by text, decided_at timestamptz)
   WHERE i.id = p."itemId"`;

const TOUCHED = `
  UPDATE campaigns c
     SET version = p.version, status = coalesce(p.status, c.status), reminded_at = coalesce(p.reminded_at, c.reminded_at),
         closed_at = p.closed_at, closed_by = p.closed_by, close_reason = p.close_reason
    FROM jsonb_to_recordset($1::jsonb) AS p(id uuid, version integer, status text, reminded_at timestamptz,
         closed_at timestamptz, closed_by text, close_reason text)
   WHERE c.id = p.id`;

/** Campaigns and their items, as they are listed and shown. */
export const campaignsProjection = defineProjection({
  name: 'review-campaigns',
  version: 1,
  tables: ['campaigns', 'campaign_items'],
  sources: [eventsOf(review)],
  async apply(entries, query) {
    const events = entries.map(({ event }) => event);
    // A campaign opens, has items, has them decided, and closes: in this order whatever is in the batch.
    await store(query, OPENED, events.filter(is('campaign-opened')).map(openedRow));
    await store(query, ITEMS, events.filter(is('campaign-items-added')).flatMap(itemRows));
    await store(query, DECIDED, events.filter(is('item-decided')).map(decidedRow));
    await store(query, TOUCHED, touchedRows(events));
  },
});

async function store(query: Query, sql: string, rows: readonly object[]): Promise<void> {
  if (rows.length > 0) await query(sql, [storableJson(rows)]);
}

function is<T extends ReviewEvent['type']>(type: T) {
  return (event: Recorded<ReviewEvent>): event is Event<T> => event.type === type;
}

function openedRow({ data, meta }: Event<'campaign-opened'>): object {
  const { name, dueAt, include, onSilence, population } = data;
  return {
    id: meta.subject,
    version: meta.version,
    name,
    due_at: dueAt,
    include,
    on_silence: onSilence,
    population,
    opened_at: meta.time,
    opened_by: meta.actor,
  };
}

function itemRows({ data, meta }: Event<'campaign-items-added'>): readonly object[] {
  return data.items.map((item) => ({ ...item, campaign_id: meta.subject }));
}

function decidedRow({ data, meta }: Event<'item-decided'>): object {
  return { ...data, decided_by: meta.actor, decided_at: meta.time };
}

/** For each campaign the version after the batch, and what its last reminder or its end changed. */
function touchedRows(events: readonly Recorded<ReviewEvent>[]): readonly object[] {
  const rows = new Map<string, object>();
  for (const { type, data, meta } of events) {
    const row = { ...rows.get(meta.subject), id: meta.subject, version: meta.version };
    if (type === 'campaign-reminded') rows.set(meta.subject, { ...row, reminded_at: meta.time });
    else if (type === 'campaign-closed') {
      const closing = { status: 'closed', closed_at: meta.time, closed_by: meta.actor, close_reason: data.reason };
      rows.set(meta.subject, { ...row, ...closing });
    } else rows.set(meta.subject, row);
  }
  return [...rows.values()];
}
