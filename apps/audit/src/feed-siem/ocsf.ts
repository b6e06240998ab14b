import {
  OCSF_VERSION,
  type OcsfAccountChange,
  type OcsfApiActivity,
  type OcsfAuthentication,
  type OcsfEvent,
  formatPosition,
  type Position,
} from '#contracts';
import { auditRowOf, type Audited } from '#records';

type Of<Type extends Audited['type']> = Extract<Audited, { readonly type: Type }>;

/** What a kind of change does to an account in OCSF's words (3001, activity_id); any other is 99. */
const CHANGES: Readonly<Partial<Record<Audited['type'], number>>> = {
  'application-registered': 1,
  'approval-applied': 2,
  'application-reinstated': 2,
  'application-suspended': 5,
  'application-revoked': 6,
  'subject-erased': 6,
  'review-approved': 7,
  'approval-narrowed': 7,
  'grant-consented': 7,
  'approval-expired': 8,
  'grant-revoked': 8,
  'grants-closed': 8,
};

/** OCSF's activities of an API (6003, activity_id) by FHIR's interactions; any other is 99. */
const ACTIVITIES: Readonly<Record<string, number>> = {
  create: 1,
  read: 2,
  vread: 2,
  'history-instance': 2,
  'history-type': 2,
  'search-type': 2,
  update: 3,
  patch: 3,
  delete: 4,
};

const OTHER = 99;
const [SUCCESS, FAILURE] = [1, 2] as const;
const [INFORMATIONAL, LOW, MEDIUM] = [1, 2, 3] as const;
const [PERSON, SYSTEM] = [1, 3] as const;

/** A record of the log as an OCSF event for SIEMs. Pure: a repeat is the same event, with the same id and number. */
export function ocsfOf(event: Audited, position: Position): OcsfEvent {
  switch (event.type) {
    case 'access-allowed':
    case 'access-denied':
      return decided(event, position);
    case 'access-completed':
      return completed(event, position);
    case 'token-issued':
    case 'token-refused':
      return authenticated(event, position);
    default:
      return changed(event, position);
  }
}

function decided(event: Of<'access-allowed' | 'access-denied'>, position: Position): OcsfApiActivity {
  const { data } = event;
  const refused = event.type === 'access-denied';
  return {
    ...baseOf(event, position, 6, 6003, ACTIVITIES[data.interaction ?? ''] ?? OTHER),
    severity_id: refused ? LOW : INFORMATIONAL,
    status_id: refused ? FAILURE : SUCCESS,
    status_detail: data.reason,
    actor: {
      ...(data.clientId === undefined ? {} : { app_uid: data.clientId }),
      user:
        data.userId === undefined ? { uid: event.meta.actor, type_id: SYSTEM } : { uid: data.userId, type_id: PERSON },
    },
    api: { operation: data.interaction ?? data.method, request: { uid: data.callId } },
    src_endpoint: endpointOf(data.clientAddress),
    http_request: {
      http_method: data.method,
      ...(data.userAgent === undefined ? {} : { user_agent: data.userAgent }),
    },
    ...(data.status === undefined ? {} : { http_response: { code: data.status } }),
    ...(data.resourceType === undefined
      ? {}
      : {
          resources: [{ type: data.resourceType, ...(data.resourceId === undefined ? {} : { uid: data.resourceId }) }],
        }),
    unmapped: {
      enforcement_point: data.enforcementPoint,
      endpoint: data.endpoint,
      ...(data.scope === undefined ? {} : { scope: data.scope }),
      ...(data.approvalVersion === undefined ? {} : { approval_version: data.approvalVersion }),
      ...(data.purposesOfUse === undefined ? {} : { purposes_of_use: data.purposesOfUse }),
      ...(data.patient === undefined ? {} : { patients: [data.patient] }),
      ...('observed' in data ? { observed: data.observed } : {}),
    },
  };
}

function completed(event: Of<'access-completed'>, position: Position): OcsfApiActivity {
  const { data } = event;
  const failed = data.ending !== 'sent' || data.status >= 400;
  return {
    ...baseOf(event, position, 6, 6003, OTHER),
    severity_id: data.status >= 500 ? MEDIUM : INFORMATIONAL,
    status_id: failed ? FAILURE : SUCCESS,
    status_detail: data.ending,
    actor: { user: { uid: event.meta.actor, type_id: SYSTEM } },
    api: { operation: event.type, request: { uid: data.callId } },
    src_endpoint: endpointOf(undefined),
    http_response: { code: data.status },
    unmapped: {
      enforcement_point: data.enforcementPoint,
      patients: data.patients,
      ...(data.patientsIncomplete === undefined ? {} : { patients_incomplete: data.patientsIncomplete }),
      ...(data.observed === undefined ? {} : { observed: data.observed.outcome }),
    },
  };
}

function authenticated(event: Of<'token-issued' | 'token-refused'>, position: Position): OcsfAuthentication {
  const { data } = event;
  const issued = event.type === 'token-issued';
  return {
    ...baseOf(event, position, 3, 3002, 1),
    severity_id: issued ? INFORMATIONAL : LOW,
    status_id: issued ? SUCCESS : FAILURE,
    ...('reason' in data ? { status_detail: `${data.error}: ${data.reason}` } : {}),
    auth_protocol_id: 6,
    user: 'userId' in data ? { uid: data.userId, type_id: PERSON } : { uid: data.clientId, type_id: SYSTEM },
    actor: { app_uid: data.clientId },
    service: { name: 'Gatehouse' },
    is_remote: true,
    ...('tokenId' in data ? { session: { uid: data.tokenId, expiration_time: Date.parse(data.expiresAt) } } : {}),
    src_endpoint: endpointOf(data.clientAddress),
    unmapped: {
      ...(data.grantType === undefined ? {} : { grant_type: data.grantType }),
      ...('scopes' in data ? { scopes: data.scopes } : {}),
    },
  };
}

function changed(event: Audited, position: Position): OcsfAccountChange {
  const { reason } = auditRowOf(event, position);
  const closes = event.type === 'application-suspended' || event.type === 'application-revoked';
  // Somebody wrote to the log who may not: nothing was changed.
  const refused = event.type === 'command-refused' || event.type === 'report-refused';
  // Somebody did so all the same.
  const foreign = event.type === 'foreign-records';
  return {
    ...baseOf(event, position, 3, 3001, CHANGES[event.type] ?? OTHER),
    severity_id: refused || foreign || closes ? MEDIUM : INFORMATIONAL,
    status_id: refused ? FAILURE : SUCCESS,
    ...(reason === undefined ? {} : { status_detail: reason }),
    user: { uid: event.meta.subject, type_id: SYSTEM },
    actor: { user: { uid: event.meta.actor, type_id: event.meta.actor.startsWith('system:') ? SYSTEM : PERSON } },
  };
}

function baseOf<Category extends number, Class extends number>(
  { type, meta }: Audited,
  position: Position,
  category: Category,
  ofClass: Class,
  activity: number,
) {
  return {
    category_uid: category,
    class_uid: ofClass,
    type_uid: ofClass * 100 + activity,
    activity_id: activity,
    activity_name: type,
    time: Date.parse(meta.time),
    metadata: {
      version: OCSF_VERSION,
      product: { name: 'Gatehouse', vendor_name: 'Gatehouse' },
      uid: meta.id,
      sequence: 'run' in meta ? meta.sequence : meta.version,
      event_code: type,
      correlation_uid: meta.correlationId,
      log_name: formatPosition(position),
      log_provider: 'Gatehouse',
    },
  } as const;
}

/** OCSF wants an endpoint to have something: where no address is known, that is said. */
function endpointOf(clientAddress: string | undefined) {
  return clientAddress === undefined ? { name: 'unknown' } : { ip: clientAddress };
}
