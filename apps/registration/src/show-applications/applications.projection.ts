import { formatPosition, registration, type Position, type Recorded, type RegistrationEvent } from '#contracts';
import { COPY_FROM, type CopyRows, defineProjection, eventsOf, type Query } from '#event-log';
import { storableJson } from '#host';
import { viewOf } from '../domain/application-view.js';
import { evolve, statusOf, type Application } from '../domain/application.js';
import { noticeOf, type CredentialNotice } from '../domain/credential-notice.js';

interface StoredRow {
  readonly state: Application;
  readonly version: number;
}

/** Applications as they stand now, every event of each, and what their contacts must be told. */
export const applicationsProjection = defineProjection({
  name: 'registration-applications',
  version: 5,
  tables: ['applications', 'application_history', 'application_notices'],
  sources: [eventsOf(registration)],
  async apply(entries, query, copy) {
    await keepHistory(entries, query, copy);
    const ids = [...new Set(entries.map(({ event }) => event.meta.subject))];
    const known = await query<StoredRow>('SELECT state, version FROM applications WHERE id = ANY($1::uuid[])', [ids]);
    const applications = new Map(known.map((row) => [row.state.id, row]));
    const stored = new Set(applications.keys());
    const notices: CredentialNotice[] = [];
    for (const { event } of entries) {
      const { subject, version } = event.meta;
      const before = applications.get(subject)?.state;
      const notice = noticeOf(before, event);
      if (notice) notices.push(notice);
      applications.set(subject, { state: evolve(before, event), version });
    }
    const fresh = [...applications.values()].filter(({ state }) => !stored.has(state.id));
    await addApplications(fresh, query, copy);
    await keepApplications(
      [...applications.values()].filter(({ state }) => stored.has(state.id)),
      query,
    );
    await keepNotices(notices, query);
  },
});

const HISTORY_COLUMNS = [
  'application_id',
  'version',
  'id',
  'type',
  'time',
  'actor',
  'correlation_id',
  'position',
  'data',
];
const APPLICATION_COLUMNS = ['id', 'owner_id', 'client_id', 'kind', 'status', 'version', 'view', 'state'];

/** Applications that are not in the table. */
async function addApplications(applications: readonly StoredRow[], query: Query, copy: CopyRows): Promise<void> {
  const isCopied =
    applications.length >= COPY_FROM && (await copy('applications', APPLICATION_COLUMNS, applications.map(rowOf)));
  if (!isCopied) await keepApplications(applications, query);
}

async function keepApplications(applications: readonly StoredRow[], query: Query): Promise<void> {
  if (applications.length === 0) return;
  await query(
    `INSERT INTO applications (id, owner_id, client_id, kind, status, version, view, state)
     SELECT id, owner_id, client_id, kind, status, version, view, state
     FROM jsonb_to_recordset($1::jsonb) AS row
       (id uuid, owner_id text, client_id text, kind text, status text, version integer, view jsonb, state jsonb)
     ON CONFLICT (id) DO UPDATE SET
       owner_id = excluded.owner_id, kind = excluded.kind, status = excluded.status,
       version = excluded.version, view = excluded.view, state = excluded.state`,
    [storableJson(applications.map(rowOf))],
  );
}

function rowOf({ state, version }: StoredRow) {
  return {
    id: state.id,
    owner_id: state.ownerId,
    client_id: state.clientId,
    kind: (state.inForce ?? state.declared).kind,
    status: statusOf(state),
    version,
    view: viewOf(state, version),
    state,
  };
}

async function keepNotices(notices: readonly CredentialNotice[], query: Query): Promise<void> {
  if (notices.length === 0) return;
  const rows = notices.map((notice) => ({ id: notice.id, time: notice.time, notice }));
  await query(
    `INSERT INTO application_notices (id, time, notice)
     SELECT id, time, notice FROM jsonb_to_recordset($1::jsonb) AS row (id text, time timestamptz, notice jsonb)`,
    [storableJson(rows)],
  );
}

async function keepHistory(
  entries: readonly { readonly position: Position; readonly event: Recorded<RegistrationEvent> }[],
  query: Query,
  copy: CopyRows,
): Promise<void> {
  const rows = entries.map(({ position, event }) => ({
    application_id: event.meta.subject,
    version: event.meta.version,
    id: event.meta.id,
    type: event.type,
    time: event.meta.time,
    actor: event.meta.actor,
    correlation_id: event.meta.correlationId,
    position: formatPosition(position),
    data: shownData(event),
  }));
  if (rows.length >= COPY_FROM && (await copy('application_history', HISTORY_COLUMNS, rows))) return;
  await query(
    `INSERT INTO application_history (application_id, version, id, type, time, actor, correlation_id, position, data)
     SELECT application_id, version, id, type, time, actor, correlation_id, position, data
     FROM jsonb_to_recordset($1::jsonb) AS row
       (application_id uuid, version integer, id text, type text, time timestamptz, actor text, correlation_id text,
        position text, data jsonb)`,
    [storableJson(rows)],
  );
}

/** What an event says, without the hash of a secret: nobody needs it to read the history. */
function shownData(event: RegistrationEvent): object {
  if (event.type === 'credential-proposed') {
    const { codeSha256: _digest, sealedCode: _code, secret, ...shown } = event.data;
    return { ...shown, ...(secret && { secret: { id: secret.id, expiresAt: secret.expiresAt } }) };
  }
  if (event.type !== 'secret-issued' && event.type !== 'secret-withdrawn') return event.data;
  const { sha256: _hash, ...secret } = event.data.secret;
  return { secret };
}
