import type { Json } from './wild.js';

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

const key = {
  kty: 'EC',
  crv: 'P-384',
  x: 'CoZ39VzE1-6YzxsK22sMgWHUU_ZtZOxNlmoDvxKnoMLyvZ92-NMpl4mMpw5fInqs',
  y: 'qR-ZnxcJiWG_pVKYDhsCIlOahTx32FltDNMGYGaomEHbLzwry3gCnOEurIcUL21b',
  kid: 'k1',
  alg: 'ES384',
  use: 'sig',
};

const reason = 'It is no longer needed.';
const application = {
  name: 'Charts',
  description: 'Draws charts.',
  purposesOfUse: [{ code: 'TREAT', justification: 'Nurses look at the course of vital signs.' }],
};

/** Applications that are registered as they stand. */
export const newApplications: readonly Json[] = [
  {
    ...application,
    kind: 'backend',
    clientType: 'confidential-asymmetric',
    scopes: ['system/Patient.rs', 'system/Observation.rs?category=vital-signs'],
    jwks: { keys: [key] },
    contacts: ['someone@example.org'],
    attestations: [{ name: 'security-review', value: 'passed' }],
    submit: true,
  },
  {
    ...application,
    kind: 'patient-access',
    clientType: 'public',
    scopes: ['launch/patient', 'patient/Observation.rs', 'openid', 'fhirUser', 'offline_access'],
    redirectUris: ['https://app.example.org/callback'],
    allowedOrigins: ['https://app.example.org'],
    privacyPolicyUri: 'https://app.example.org/privacy',
    requirePushedAuthorizationRequests: true,
    dpopBoundAccessTokens: true,
    documents: [{ name: 'pen test', uri: 'https://app.example.org/report', sha256: 'a'.repeat(64) }],
    submit: false,
  },
  {
    ...application,
    kind: 'ehr',
    clientType: 'confidential-symmetric',
    scopes: ['launch', 'user/Patient.rs'],
    redirectUris: ['https://ehr.example.org/callback'],
    launchUri: 'https://ehr.example.org/launch',
  },
];

/** By the end of the route: bodies that a caller with the role, at the right moment, would be let do. */
const goodBodies: Readonly<Record<string, readonly Json[]>> = {
  '/registration/applications': newApplications,
  '/registration/applications/{id}': [
    { name: 'Other charts', description: 'Draws other charts.' },
    { scopes: ['system/Patient.rs'], contacts: ['other@example.org'] },
  ],
  '/submission': [{}, { comment: 'Please look at it.' }],
  '/withdrawal': [{}, { comment: 'Not now.' }],
  '/keys': [{ add: key }, { remove: { kid: 'k1', compromised: true } }],
  '/ownership-transfer': [{ ownerId: '{{owners:0}}' }],
  '/approval/reviews/{id}/decisions': [
    { decision: 'approve', reason, expiresAt: inDays(30) },
    { decision: 'approve', reason, scopes: ['system/Patient.rs'], conditions: ['Only at night.'] },
    { decision: 'reject', reason },
    { decision: 'request-changes', reason },
  ],
  '/approval/policies': [
    { approvals: 1, rules: [], autoApprove: [], reviewDays: 5, maximumApprovalDays: 365 },
    {
      approvals: 1,
      rules: [{ scope: 'system/*.cruds', approvals: 2 }],
      autoApprove: [],
      reviewDays: 7,
      holidays: ['2026-12-25'],
      timeZone: 'America/New_York',
      maximumApprovalDays: 90,
    },
  ],
  '/review/campaigns': [
    { name: 'This quarter', dueAt: inDays(7) },
    { name: 'That one', dueAt: inDays(7), include: { applicationIds: ['{{applications:0}}'] }, onSilence: 'keep' },
  ],
  '/review/items/{id}/decisions': [
    { decision: 'keep', reason },
    { decision: 'narrow', scopes: ['system/Patient.rs'], reason },
    { decision: 'revoke', reason },
  ],
  '/oauth/users/{id}/revocation': [{ reason }],
  '/oauth/users/{id}/erasure': [{ reason: 'requested' }, { reason: 'legal-obligation' }],
  '/access/simulations': [{ applicationId: '{{applications:0}}', scopes: ['system/Patient.rs'], days: 30 }],
  '/oauth/initial-access-tokens': [{}, { uses: 5, days: 30 }],
  '/oauth/register/{clientId}/claim': [{ registrationAccessToken: 'what-the-registration-answered' }],
  '/oauth/launches': [{ clientId: '{{applications:0}}', user: 'Practitioner/practitioner-1', patient: 'patient-01' }],
};

/** The good bodies of a route: those of its whole path, else those of its last segment. */
export function goodBodiesOf(path: string): readonly Json[] {
  return goodBodies[path] ?? goodBodies[path.slice(path.lastIndexOf('/'))] ?? [{}];
}
