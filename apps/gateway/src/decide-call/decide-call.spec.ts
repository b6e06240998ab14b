import { type FhirInteraction, parseScopes, readRequest, type Scope } from '#smart';
import { openAccess } from '#testing';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import { decideCall } from './decide-call.js';

const access = openAccess({
  approvalVersion: 2,
  expiresAt: '2027-01-01T00:00:00Z',
  epoch: 1,
  deadKeyThumbprints: ['dead'],
  revokedTokens: new Set(['revoked']),
  purposesOfUse: ['TREAT'],
});

function scopes(...texts: string[]): readonly Scope[] {
  const parsed = parseScopes(texts);
  if (!parsed.ok) throw new Error('not scopes');
  return parsed.scopes;
}

const claims: AccessTokenClaims = {
  endpoint: 'default',
  tokenId: 't1',
  epoch: 1,
  keyThumbprint: 'alive',
  applicationId: 'a1',
  clientId: 'client-1',
  approvalVersion: 1,
  scopes: scopes('system/Observation.rs', 'system/Patient.rs'),
  expiresAtMs: 0,
  subject: 'client-1',
};

const asks = (method: string, path: string, query = ''): FhirInteraction =>
  readRequest({ method, path, query, headers: {} });
const read = asks('GET', '/Observation/o1');

describe('deciding a call', () => {
  test('what the token has and the approval has: allowed', () => {
    expect(decideCall(claims, access, read)).toMatchObject({ outcome: 'allow', scopes: [{ type: 'Observation' }] });
  });

  test('what the token has and the approval has no more: 403, a token that was issued before is narrowed at once', () => {
    expect(decideCall(claims, access, asks('GET', '/Patient/p1'))).toMatchObject({
      outcome: 'deny',
      kind: 'scope',
      wouldAllow: ['system/Patient.r'],
    });
  });

  test('what the approval has and the token did not ask for: 403', () => {
    const narrow = { ...claims, scopes: scopes('system/Patient.rs') };
    expect(decideCall(narrow, access, read)).toMatchObject({ outcome: 'deny', kind: 'scope' });
  });

  test.each([
    ['of an application that nobody knows', claims, undefined],
    ['of another client', { ...claims, clientId: 'client-2' }, access],
    ['of a closed application', claims, { ...access, status: 'closed' as const, why: 'suspended' as const }],
    ['of an earlier epoch', { ...claims, epoch: 0 }, access],
    ['earned with a compromised key', { ...claims, keyThumbprint: 'dead' }, access],
    ['that was revoked', { ...claims, tokenId: 'revoked' }, access],
  ])('a token %s is dead', (_what, token, inForce) => {
    expect(decideCall(token, inForce, read)).toMatchObject({ outcome: 'deny', kind: 'token' });
  });

  test('an approval for other endpoints does not cover this one', () => {
    expect(decideCall(claims, { ...access, endpoints: ['research'] }, read)).toMatchObject({
      outcome: 'deny',
      kind: 'scope',
    });
  });

  test('approved scopes that cannot be read approve nothing', () => {
    expect(decideCall(claims, { ...access, scopes: ['system/Observation.rs', 'system/?'] }, read)).toMatchObject({
      outcome: 'deny',
      kind: 'scope',
    });
  });

  test.each([
    ['a write', asks('PUT', '/Observation/o1')],
    ['an operation', asks('GET', '/Observation/$lastn')],
    ['what is no FHIR', asks('TRACE', '/Observation')],
  ])('%s is refused whatever the scopes say', (_what, interaction) => {
    const wide = { ...claims, scopes: scopes('system/*.cruds') };
    expect(decideCall(wide, { ...access, scopes: ['system/*.cruds'] }, interaction)).toMatchObject({
      outcome: 'deny',
      kind: 'request',
    });
  });
});
