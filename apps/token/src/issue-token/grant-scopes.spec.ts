import { isNarrowerOrEqual, parseScopes } from '#smart';
import { grantScopes } from './grant-scopes.js';

describe('the scopes of a backend service', () => {
  test('asked and approved: as asked', () => {
    expect(grantScopes('system/Patient.rs', ['system/Patient.rs', 'system/Observation.rs'])).toEqual({
      ok: true,
      scopes: ['system/Patient.rs'],
    });
  });

  test('approved narrower than asked: what is approved', () => {
    const granted = grantScopes('system/*.cruds', ['system/Patient.rs', 'system/Observation.r?category=laboratory']);
    if (!granted.ok) throw new Error(granted.fault);
    expect(granted.scopes).toEqual(['system/Patient.rs', 'system/Observation.r?category=laboratory']);
  });

  test('never more than approved, whatever is asked', () => {
    const approved = ['system/Patient.rs'];
    const granted = grantScopes('system/Patient.read system/*.read system/Patient.cruds', approved);
    const [given, limit] = [parseScopes(granted.ok ? granted.scopes : []), parseScopes(approved)];
    expect(given.ok && limit.ok && given.scopes.length > 0 && isNarrowerOrEqual(given.scopes, limit.scopes)).toBe(true);
  });

  test.each([
    ['nothing asked', undefined, ['system/Patient.rs'], /required/],
    ['nothing approved of it', 'system/Observation.rs', ['system/Patient.rs'], /none/],
    ['a patient’s scope, though approved', 'patient/Patient.rs', ['patient/Patient.rs'], /none/],
    ['letters out of order', 'system/Patient.sr', ['system/Patient.rs'], /malformed/],
  ])('%s is refused', (_name, asked, approved, fault) => {
    expect(grantScopes(asked, approved)).toEqual({ ok: false, fault: expect.stringMatching(fault) });
  });
});
