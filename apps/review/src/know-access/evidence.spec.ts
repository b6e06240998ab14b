import { mintId } from '#contracts';
import { type AccessInUse, evidenceOf, recommendationFrom } from './evidence.js';

const now = Date.UTC(2026, 5, 1);
const access: AccessInUse = {
  application_id: mintId(1),
  name: 'Viewer',
  owner_id: 'owner',
  scopes: ['system/Observation.rs', 'system/Patient.rs', 'launch'],
  approval_version: 2,
  approved_at: new Date(Date.UTC(2025, 0, 1)),
  expires_at: new Date(Date.UTC(2027, 0, 1)),
  tokens: 3,
  allowed: 2,
  denied: 1,
  last_used_at: new Date(Date.UTC(2026, 4, 1)),
  used_scopes: ['system/Observation.r', 'system/Patient.rs'],
};
const recommended = (over: Partial<AccessInUse>) => recommendationFrom(evidenceOf({ ...access, ...over }, 90, now), 90);

describe('evidence', () => {
  it('says what is known of an access', () => {
    expect(evidenceOf(access, 90, now)).toEqual({
      approvalVersion: 2,
      expiresAt: '2027-01-01T00:00:00.000Z',
      tokensIssued: 3,
      callsAllowed: 2,
      callsDenied: 1,
      lastUsedAt: '2026-05-01T00:00:00.000Z',
      unusedScopes: [],
      days: 90,
    });
  });

  it('says how long it looked when the access is younger than the window', () => {
    expect(evidenceOf({ ...access, approved_at: new Date(Date.UTC(2026, 4, 30)) }, 90, now).days).toBe(2);
  });

  it('counts a scope as used when a narrower one of a token was, and only then', () => {
    const { unusedScopes } = evidenceOf(
      { ...access, used_scopes: ['system/Observation.rs', 'user/Patient.r'] },
      90,
      now,
    );
    expect(unusedScopes).toEqual(['system/Patient.rs']);
  });
});

describe('the recommendation', () => {
  it('is to revoke what was not used, to narrow what was used in part, to keep the rest', () => {
    expect(recommended({ allowed: 0, used_scopes: [], last_used_at: null })).toBe('revoke');
    expect(recommended({ used_scopes: ['system/Observation.r'] })).toBe('narrow');
    expect(recommended({})).toBe('keep');
  });

  it('is to keep what was approved too lately to have been used, for two weeks', () => {
    const unused = { allowed: 0, used_scopes: [], last_used_at: null };
    const approvedDaysAgo = (days: number) => ({ ...unused, approved_at: new Date(now - days * 86_400_000) });
    expect(recommended(approvedDaysAgo(0))).toBe('keep');
    expect(recommended(approvedDaysAgo(13))).toBe('keep');
    expect(recommended(approvedDaysAgo(14))).toBe('revoke');
  });

  it('is to revoke what was not used in the whole of a short window', () => {
    const unused = evidenceOf({ ...access, allowed: 0, used_scopes: [], last_used_at: null }, 7, now);
    expect(recommendationFrom(unused, 7)).toBe('revoke');
  });
});
