import { serialiseScopes } from '#smart';
import { askedScopes } from './asked-scopes.js';

const approved = ['launch/patient', 'openid', 'patient/*.rs', 'user/Observation.cruds', 'system/*.rs'];
const asked = (scope: string) => {
  const result = askedScopes(scope, approved);
  return result.ok ? serialiseScopes(result.scopes) : `fault: ${result.fault}`;
};

describe('what a user can be asked to agree to', () => {
  test('[SMART 2.2 §3.0.4] what is asked and approved, in the syntax in which it was asked', () => {
    expect(asked('launch/patient openid patient/Patient.read patient/Condition.rs')).toBe(
      'launch/patient openid patient/Patient.read patient/Condition.rs',
    );
    expect(asked('patient/Patient.*')).toBe('patient/Patient.read');
  });
  test('never more than is approved', () => {
    expect(asked('patient/*.cruds offline_access openid')).toBe('patient/*.rs openid');
    expect(asked('user/Patient.rs')).toMatch(/^fault: none/);
  });
  test('[SMART 2.2 §4.1] nobody agrees to system/', () => {
    expect(asked('system/Patient.rs')).toMatch(/^fault: none/);
    expect(asked('openid system/Patient.rs')).toBe('openid');
  });
  test('a name without a meaning here is passed over, once or twice', () => {
    expect(asked('openid email openid email')).toBe('openid');
  });
  test.each(['patient/Patient.dus', 'patient/Nothing.rs', 'user/Observation.', 'patient/*.rs?category'])(
    '[SMART 2.2 §3.0.4.1] %s is refused',
    (scope) => expect(asked(`openid ${scope}`)).toMatch(/^fault: malformed/),
  );
});
