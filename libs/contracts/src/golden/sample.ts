import { createHash } from 'node:crypto';

/** A JSON Schema as the contracts use it. */
export interface Shape {
  readonly type?: string;
  readonly const?: unknown;
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly minimum?: number;
  readonly pattern?: string;
}

/** What a value of that name looks like; other names get a text that says which it is. */
const KNOWN: Readonly<Record<string, unknown>> = {
  id: 'gateway-1',
  kind: 'backend',
  clientType: 'confidential-asymmetric',
  enforcementPoint: 'gateway-1',
  commandId: '5d1c0f6a3a8e4a37b0d3e1f9c2b7a6d45d1c0f6a3a8e4a37b0d3e1f9c2b7a6d4',
  bodyDigest: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  tokenId: 'sM4Yt0rV2pXq8LwZk1uJ7A',
  type: 'already-decided',
  value: 'yes',
  name: 'Growth charts',
  applicationName: 'Growth charts',
  description: 'Shows how a child grows.',
  clientId: '019c2f1e-7a00-7d3b-9c55-5b1f0e6f3005',
  code: 'TREAT',
  justification: 'Treatment of patients of the clinic that runs the application.',
  reason: 'Needed for the treatment of patients.',
  comment: 'Please look at it this week.',
  conditions: 'Only for patients of the clinic.',
  endpoints: 'main',
  endpoint: 'main',
  servedEndpoints: 'main',
  audience: 'https://gatehouse.example.org/fhir',
  scope: 'system/Observation.rs',
  scopes: 'system/Observation.rs',
  unusedScopes: 'system/Condition.rs',
  redirectUris: 'https://growth.example.com/callback',
  allowedOrigins: 'https://growth.example.com',
  launchUri: 'https://growth.example.com/launch',
  jwksUri: 'https://growth.example.com/jwks.json',
  privacyPolicyUri: 'https://growth.example.com/privacy',
  termsUri: 'https://growth.example.com/terms',
  logoUri: 'https://growth.example.com/logo.png',
  issuer: 'https://directory.example.org',
  vouchesFor: 'redirectUris',
  uri: 'https://growth.example.com/attestation.pdf',
  kid: '2026-11',
  requestedAt: '2026-11-10T09:30:00.000Z',
  holidays: '2026-12-25',
  timeZone: 'America/New_York',
  jwk: { kty: 'EC', crv: 'P-384', x: 'dGhlIHggY29vcmRpbmF0ZQ', y: 'dGhlIHkgY29vcmRpbmF0ZQ', alg: 'ES384', use: 'sig' },
  thumbprint: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
  keyThumbprint: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
  grantType: 'client_credentials',
  error: 'invalid_client',
  method: 'GET',
  interaction: 'search-type',
  resourceType: 'Observation',
  resourceId: 'blood-pressure-17',
  purposesOfUse: 'TREAT',
  rightsBy: 'clinic policies',
  by: 'clinic policies',
  status: 200,
  clientAddress: '203.0.113.7',
  userAgent: 'growth-charts/2.1',
  positions: { 'gatehouse.registration.events': ['42', '0', '7', '0', '0', '19', '0', '3'] },
  inFlightWrites: {},
  pointer: '/scopes/0',
  detail: 'The scope is not a SMART scope: expected a context at position 0.',
  title: 'The application cannot be registered',
  resource: { id: '019c2f1e-7a00-7d3b-8a5c-5b1f0e6f3005', version: 1, status: 'draft' },
  offset: '41',
};

/**
 * A value of a schema, every optional property included, always the same for the same schema: for the golden record of
 * a message that has none yet. Whoever adds a message may edit it before it is committed.
 */
export function sampleOf(shape: Shape, name = 'value'): unknown {
  if (shape.const !== undefined) return shape.const;
  if (shape.examples !== undefined) return shape.examples[0];
  if (shape.anyOf !== undefined) {
    const known = shape.anyOf.find((one) => one.const !== undefined && one.const === KNOWN[name]);
    return sampleOf(known ?? shape.anyOf[0] ?? {}, name);
  }
  if (shape.type === 'array') return [sampleOf(shape.items ?? {}, name)];
  if (Object.hasOwn(KNOWN, name) && fits(shape, KNOWN[name])) return KNOWN[name];
  switch (shape.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(shape.properties ?? {}).map(([property, of]) => [property, sampleOf(of, property)]),
      );
    case 'integer':
    case 'number':
      return Math.max(1, shape.minimum ?? 1);
    case 'boolean':
      return false;
    case 'string':
      return sampleText(shape.pattern ?? '', name);
    default:
      return { note: name };
  }
}

function fits(shape: Shape, value: unknown): boolean {
  if (shape.type === undefined) return true;
  if (shape.pattern !== undefined) return typeof value === 'string' && new RegExp(shape.pattern).test(value);
  if (shape.type === 'integer') return Number.isInteger(value) && Number(value) >= (shape.minimum ?? -Infinity);
  return typeof value === shape.type;
}

/** Ids, times and digests are told by their pattern. */
function sampleText(pattern: string, name: string): string {
  const digest = createHash('sha256').update(name).digest('hex');
  if (pattern.includes('7[0-9a-f]{3}')) return sampleId(name);
  if (pattern.includes('T')) return '2026-11-24T09:30:00.000Z';
  if (pattern.includes('{64}')) return digest;
  if (name.endsWith('Id') || name.endsWith('Ids') || /^(contacts|decidedBy|patients?)$/.test(name))
    return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-4${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
  return `${name} of the example`;
}

/** A UUIDv7 of partition 5 that stands for what is called so. */
export function sampleId(name: string): string {
  const digest = createHash('sha256').update(name).digest('hex');
  return `019c2f1e-7a00-7${digest.slice(0, 3)}-8${digest.slice(3, 6)}-${digest.slice(6, 15)}005`;
}
