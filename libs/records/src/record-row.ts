import { isId, type Position } from '#contracts';
import type { Audited } from './audited.js';

/** A row of `audit_records`: who did what to what, how it ended, and where the log keeps it. */
export interface AuditRow {
  readonly id: string;
  readonly time: string;
  readonly type: string;
  /** `allowed` or `denied`; how a call ended; what a reviewer decided; else `recorded`. */
  readonly outcome: string;
  readonly actor: string;
  readonly application_id?: string | undefined;
  readonly client_id?: string | undefined;
  readonly user_id?: string | undefined;
  readonly patient?: string | undefined;
  readonly patients?: readonly string[] | undefined;
  readonly interaction?: string | undefined;
  /** `Type` or `Type/id`. */
  readonly resource?: string | undefined;
  readonly scope?: string | undefined;
  readonly approval_version?: number | undefined;
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
  readonly purposes?: readonly string[] | undefined;
  readonly token_id?: string | undefined;
  readonly call_id?: string | undefined;
  readonly enforcement_point?: string | undefined;
  readonly client_address?: string | undefined;
  readonly user_agent?: string | undefined;
  /** Of a call in observe mode: what enforcement would have made of it. */
  readonly observed?: string | undefined;
  readonly correlation_id: string;
  readonly log_topic: string;
  readonly log_partition: number;
  /** Text: Kafka's offsets exceed what a JSON number holds. */
  readonly log_offset: string;
  readonly sequence: string;
  readonly run?: string | undefined;
  /** The whole record as the log keeps it. */
  readonly detail: object;
}

type Told = Partial<AuditRow> & Pick<AuditRow, 'outcome'>;

/** The audit record of one event or activity record. Pure: the same record always makes the same row. */
export function auditRowOf(event: Audited, position: Position): AuditRow {
  const { meta } = event;
  return {
    id: meta.id,
    time: meta.time,
    type: event.type,
    actor: meta.actor,
    ...(isId(meta.subject) ? { application_id: meta.subject } : {}),
    correlation_id: meta.correlationId,
    log_topic: position.topic,
    log_partition: position.partition,
    log_offset: String(position.offset),
    ...('run' in meta ? { run: meta.run, sequence: String(meta.sequence) } : { sequence: String(meta.version) }),
    ...told(event),
    detail: event.data,
  };
}

/** What a kind of record says beyond its envelope. */
function told(event: Audited): Told {
  switch (event.type) {
    case 'token-issued':
      return {
        outcome: 'allowed',
        client_id: event.data.clientId,
        token_id: event.data.tokenId,
        user_id: event.data.userId,
        patient: event.data.patient,
        scope: event.data.scopes.join(' '),
        approval_version: event.data.approvalVersion,
        client_address: event.data.clientAddress,
      };
    case 'token-refused':
      return {
        outcome: 'denied',
        client_id: event.data.clientId,
        reason: `${event.data.error}: ${event.data.reason}`,
        client_address: event.data.clientAddress,
      };
    case 'access-allowed':
      return { outcome: 'allowed', ...decisionOf(event.data) };
    case 'access-denied':
      return { outcome: 'denied', ...decisionOf(event.data) };
    case 'access-completed':
      return {
        outcome: event.data.ending,
        call_id: event.data.callId,
        enforcement_point: event.data.enforcementPoint,
        status: event.data.status,
        patients: event.data.patients,
        observed: event.data.observed?.outcome,
      };
    case 'command-refused':
    case 'report-refused':
      return { outcome: 'denied', reason: event.data.reason };
    case 'foreign-records': {
      const { topic, partition, firstOffset, lastOffset } = event.data;
      return { outcome: 'recorded', reason: `${topic}:${partition} from ${firstOffset} to ${lastOffset}` };
    }
    case 'subject-erased':
      return { outcome: 'recorded', user_id: event.meta.subject, reason: event.data.reason };
    case 'application-registered':
      return { outcome: 'recorded', client_id: event.data.clientId, scope: event.data.reviewed.scopes.join(' ') };
    case 'review-approved':
      return {
        outcome: 'approved',
        scope: event.data.scopes.join(' '),
        approval_version: event.data.approvalVersion,
        reason: event.data.reason,
      };
    case 'review-rejected':
      return { outcome: 'rejected', reason: event.data.reason };
    case 'review-changes-requested':
      return { outcome: 'changes-requested', reason: event.data.reason };
    case 'approval-narrowed':
      return {
        outcome: 'recorded',
        scope: event.data.scopes.join(' '),
        approval_version: event.data.approvalVersion,
        reason: event.data.reason,
      };
    case 'item-decided':
      return {
        outcome: event.data.decision,
        application_id: event.data.applicationId,
        scope: event.data.scopes?.join(' '),
        reason: event.data.reason,
      };
    case 'campaign-opened':
    case 'campaign-items-added':
    case 'campaign-reminded':
    case 'campaign-closed':
      // Their subject is a campaign, which is not an application.
      return { outcome: 'recorded', application_id: undefined };
    default:
      return 'reason' in event.data ? { outcome: 'recorded', reason: event.data.reason } : { outcome: 'recorded' };
  }
}

type Decision = Extract<Audited, { readonly type: 'access-allowed' }>['data'];

function decisionOf(data: Decision): Omit<Told, 'outcome'> {
  return {
    call_id: data.callId,
    client_id: data.clientId,
    token_id: data.tokenId,
    user_id: data.userId,
    patient: data.patient,
    enforcement_point: data.enforcementPoint,
    interaction: data.interaction,
    resource: resourceOf(data),
    scope: data.scope,
    approval_version: data.approvalVersion,
    purposes: data.purposesOfUse,
    patients: data.patients,
    reason: data.reason,
    status: data.status,
    client_address: data.clientAddress,
    user_agent: data.userAgent,
    observed: data.observed,
  };
}

function resourceOf({ resourceType, resourceId }: Decision): string | undefined {
  return resourceType === undefined || resourceId === undefined ? resourceType : `${resourceType}/${resourceId}`;
}
