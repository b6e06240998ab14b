import type { AuditEvent, AuditEventAgent, AuditEventEntity, Coding } from '@medplum/fhirtypes';

/** What an AuditEvent says: an audit record, for one of the patients that it is about. */
export interface AuditEventRow {
  readonly id: string;
  readonly time: Date;
  readonly type: string;
  readonly actor: string;
  readonly clientId: string | null;
  readonly userId: string | null;
  readonly interaction: string | null;
  /** `Type` or `Type/id`. */
  readonly resource: string | null;
  readonly reason: string | null;
  readonly purposes: readonly string[] | null;
  readonly tokenId: string | null;
  readonly enforcementPoint: string | null;
  readonly clientAddress: string | null;
  readonly correlationId: string;
  readonly topic: string;
  /** 0 success, 4 minor failure, 8 serious failure. */
  readonly outcomeCode: '0' | '4' | '8';
  /** The patient that this AuditEvent is about, and which of the record's patients that is, from 1; 0 for none. */
  readonly patientId: string | null;
  readonly patientAt: number;
  /** What broke off may be about more patients than the record names. */
  readonly patientsIncomplete: boolean;
}

/** Where this Gatehouse stands: `PUBLIC_URL`. */
export interface Deployment {
  readonly publicUrl: string;
}

const SYSTEM = {
  type: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
  interaction: 'http://hl7.org/fhir/restful-interaction',
  dicom: 'http://dicom.nema.org/resources/ontology/DCM',
  participation: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',
  reason: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  entityType: 'http://terminology.hl7.org/CodeSystem/audit-entity-type',
  entityRole: 'http://terminology.hl7.org/CodeSystem/object-role',
  sourceType: 'http://terminology.hl7.org/CodeSystem/security-source-type',
  userAgentTypes: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes',
  balpEntity: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType',
  record: 'urn:gatehouse:record-type',
} as const;

const PROFILES = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/';

const IP_ADDRESS = '2';
const URI = '5';

/** The kinds of RESTful operations that BALP has a profile for, by FHIR's interactions. */
const KINDS: Readonly<Record<string, { readonly name: string; readonly action: NonNullable<AuditEvent['action']> }>> = {
  read: { name: 'Read', action: 'R' },
  vread: { name: 'Read', action: 'R' },
  create: { name: 'Create', action: 'C' },
  update: { name: 'Update', action: 'U' },
  patch: { name: 'Update', action: 'U' },
  delete: { name: 'Delete', action: 'D' },
  search: { name: 'Query', action: 'E' },
  'search-type': { name: 'Query', action: 'E' },
  'search-system': { name: 'Query', action: 'E' },
};

/**
 * An audit record as an R4 AuditEvent. A call of the FHIR API follows IHE's Basic Audit Log Patterns, and names the
 * profile where it has all that the profile asks for; patterns are of what succeeded, so a refusal names none.
 */
export function auditEventOf(row: AuditEventRow, deployment: Deployment): AuditEvent {
  const said = row.type.startsWith('access-')
    ? callOf(row, deployment)
    : row.type.startsWith('token-')
      ? tokenOf(row, deployment)
      : changeOf(row);
  return {
    resourceType: 'AuditEvent',
    id: row.patientAt > 1 ? `${row.id}.${row.patientAt}` : row.id,
    ...said,
    recorded: row.time.toISOString(),
    outcome: row.outcomeCode,
    ...describedBy(row),
    ...(row.purposes === null || row.purposes.length === 0
      ? {}
      : { purposeOfEvent: row.purposes.map((code) => ({ coding: [{ system: SYSTEM.reason, code }] })) }),
    source: {
      site: deployment.publicUrl,
      observer: { identifier: { system: 'urn:gatehouse:enforcement-point', value: observerOf(row) } },
      type: [{ system: SYSTEM.sourceType, code: '4', display: 'Application Server' }],
    },
  };
}

function describedBy({ reason, patientsIncomplete }: AuditEventRow): Pick<AuditEvent, 'outcomeDesc'> {
  const said = [reason, patientsIncomplete ? 'it broke off, and may be about more patients' : null];
  const known = said.filter((it) => it !== null);
  return known.length === 0 ? {} : { outcomeDesc: known.join('; ') };
}

type Said = Pick<AuditEvent, 'meta' | 'type' | 'subtype' | 'action' | 'agent' | 'entity'>;

function callOf(row: AuditEventRow, deployment: Deployment): Said {
  const kind = KINDS[row.interaction ?? ''];
  // The data of a read flows to the client; DICOM and IHE have the client of a query, and of a write, as the source.
  const [client, server] = kind?.name === 'Read' ? (['110152', '110153'] as const) : (['110153', '110152'] as const);
  const agent = [
    clientAgent(row, deployment, dicomRole(client)),
    serverAgent(row, { ...dicomRole(server) }, `${deployment.publicUrl}/fhir`),
    ...userAgent(row, kind === undefined || 'RE'.includes(kind.action) ? 'IRCP' : 'AUT'),
  ];
  const entity = [...transactionEntity(row), ...patientEntity(row), ...whatEntity(row, kind?.name === 'Query')];
  const named = row.clientId !== null && row.clientAddress !== null && row.resource !== null;
  const profile = kind === undefined ? undefined : `${row.patientId === null ? '' : 'Patient'}${kind.name}`;
  return {
    ...(profile !== undefined && named && row.outcomeCode === '0'
      ? { meta: { profile: [`${PROFILES}IHE.BasicAudit.${profile}`] } }
      : {}),
    type: { system: SYSTEM.type, code: 'rest', display: 'Restful Operation' },
    ...(row.interaction === null ? {} : { subtype: [{ system: SYSTEM.interaction, code: row.interaction }] }),
    action: kind?.action ?? 'E',
    agent,
    entity,
  };
}

/** A token that was asked for, in the form of ITI-71; without its request, whose form would hold secrets. */
function tokenOf(row: AuditEventRow, deployment: Deployment): Said {
  const authorizationServer = { coding: [{ system: SYSTEM.userAgentTypes, code: 'AuthzOauthService' }] };
  return {
    type: { system: SYSTEM.dicom, code: '110114', display: 'User Authentication' },
    subtype: [{ system: 'urn:ihe:event-type-code', code: 'ITI-71', display: 'Get Access Token' }],
    action: 'E',
    agent: [
      clientAgent(row, deployment, { coding: [{ system: SYSTEM.dicom, code: '110150', display: 'Application' }] }),
      serverAgent(row, authorizationServer, `${deployment.publicUrl}/oauth/token`),
      ...userAgent(row, 'IRCP'),
    ],
    entity: [...transactionEntity(row), ...patientEntity(row)],
  };
}

/** Anything else that was decided: it changes who may do what. */
function changeOf(row: AuditEventRow): Said {
  return {
    type: { system: SYSTEM.dicom, code: '110113', display: 'Security Alert' },
    subtype: [
      { system: SYSTEM.dicom, code: '110129', display: 'Security Configuration' },
      { system: SYSTEM.record, code: row.type },
    ],
    action: 'E',
    agent: [
      {
        type: participation('AUT'),
        who: { identifier: { system: 'urn:gatehouse:party', value: row.actor } },
        requestor: true,
      },
    ],
    entity: [
      ...transactionEntity(row),
      ...(row.clientId === null
        ? []
        : [
            {
              what: { identifier: { system: 'urn:gatehouse:client', value: row.clientId } },
              type: entityType('2', 'System Object'),
              role: { system: SYSTEM.entityRole, code: '13', display: 'Security Resource' },
            },
          ]),
    ],
  };
}

function clientAgent(row: AuditEventRow, { publicUrl }: Deployment, type: AuditEventAgent['type']): AuditEventAgent {
  return {
    ...(type === undefined ? {} : { type }),
    who: {
      identifier:
        row.clientId === null
          ? { system: 'urn:gatehouse:party', value: row.actor }
          : { system: `${publicUrl}/oauth`, value: row.clientId },
    },
    requestor: row.userId === null,
    // The token's id, as BALP has it for OAuth.
    ...(row.tokenId === null ? {} : { policy: [row.tokenId] }),
    ...(row.clientAddress === null ? {} : { network: { address: row.clientAddress, type: IP_ADDRESS } }),
  };
}

function serverAgent(row: AuditEventRow, type: NonNullable<AuditEventAgent['type']>, url: string): AuditEventAgent {
  return {
    type,
    who: { identifier: { system: 'urn:gatehouse:enforcement-point', value: observerOf(row) } },
    requestor: false,
    network: { address: url, type: URI },
  };
}

function userAgent(row: AuditEventRow, participant: 'IRCP' | 'AUT'): AuditEventAgent[] {
  if (row.userId === null) return [];
  return [
    {
      type: participation(participant),
      who: { identifier: { system: 'urn:gatehouse:user', value: row.userId } },
      requestor: true,
      ...(row.tokenId === null ? {} : { policy: [row.tokenId] }),
    },
  ];
}

/** The correlation id: what the request was called. */
function transactionEntity(row: AuditEventRow): AuditEventEntity[] {
  return [
    {
      what: { identifier: { value: row.correlationId } },
      type: { system: SYSTEM.balpEntity, code: 'XrequestId' },
    },
  ];
}

function patientEntity({ patientId }: AuditEventRow): AuditEventEntity[] {
  if (patientId === null) return [];
  return [
    {
      what: { reference: `Patient/${patientId}` },
      type: entityType('1', 'Person'),
      role: { system: SYSTEM.entityRole, code: '1', display: 'Patient' },
    },
  ];
}

function whatEntity({ resource }: AuditEventRow, isQuery: boolean): AuditEventEntity[] {
  if (resource === null) return [];
  if (!isQuery) {
    return [
      {
        what: resource.includes('/') ? { reference: resource } : { display: resource },
        type: entityType('2', 'System Object'),
        role: { system: SYSTEM.entityRole, code: '4', display: 'Domain Resource' },
      },
    ];
  }
  return [
    {
      type: entityType('2', 'System Object'),
      role: { system: SYSTEM.entityRole, code: '24', display: 'Query' },
      description: 'The type that was searched; parameters are not recorded.',
      query: Buffer.from(`GET ${resource}`).toString('base64'),
    },
  ];
}

function observerOf({ enforcementPoint, topic }: AuditEventRow): string {
  return enforcementPoint ?? topic;
}

function dicomRole(code: '110152' | '110153'): NonNullable<AuditEventAgent['type']> {
  const display = code === '110152' ? 'Destination Role ID' : 'Source Role ID';
  return { coding: [{ system: SYSTEM.dicom, code, display }] };
}

function participation(code: 'IRCP' | 'AUT'): NonNullable<AuditEventAgent['type']> {
  const display = code === 'IRCP' ? 'information recipient' : 'author (originator)';
  return { coding: [{ system: SYSTEM.participation, code, display }] };
}

function entityType(code: '1' | '2', display: string): Coding {
  return { system: SYSTEM.entityType, code, display };
}
