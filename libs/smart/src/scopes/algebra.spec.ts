import fc from 'fast-check';
import { covers, intersect, isNarrowerOrEqual } from './algebra.js';
import { parseScopeList } from './parse-scope.js';
import { anyScope, anyScopes } from './scope.arbitrary.js';
import type { Scope } from './scope.js';
import { serialiseScopes } from './serialise-scope.js';

const scopes = (text: string): readonly Scope[] => {
  if (text === '') return [];
  const parsed = parseScopeList(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.scopes;
};
const equal = (a: readonly Scope[], b: readonly Scope[]) => isNarrowerOrEqual(a, b) && isNarrowerOrEqual(b, a);

describe('covers', () => {
  it.each([
    ['patient/Observation.rs', 'patient/Observation.read'],
    ['patient/Observation.read', 'patient/Observation.r'],
    ['patient/*.rs', 'patient/Observation.rs'],
    ['patient/Observation.r patient/*.s', 'patient/Observation.rs'],
    ['patient/Observation.rs', 'patient/Observation.rs?category=laboratory'],
    ['patient/Observation.rs?category=laboratory', 'patient/Observation.rs?category=laboratory&code=a'],
    ['patient/Observation.rs?category=laboratory,survey', 'patient/Observation.rs?category=laboratory'],
    ['openid launch', 'launch'],
  ])('%s covers %s', (granted, asked) => {
    expect(isNarrowerOrEqual(scopes(asked), scopes(granted))).toBe(true);
  });

  it.each([
    ['patient/Observation.rs', 'user/Observation.rs'],
    ['user/*.cruds', 'patient/Observation.r'],
    ['patient/Observation.rs', 'patient/*.rs'],
    ['patient/Observation.r', 'patient/Observation.rs'],
    ['patient/Observation.rs?category=laboratory', 'patient/Observation.rs'],
    ['patient/Observation.rs?category=laboratory', 'patient/Observation.rs?category=laboratory,survey'],
    ['patient/Observation.rs?category=laboratory', 'patient/Observation.rs?code=laboratory'],
    ['patient/Observation.rs?category=http://x|laboratory', 'patient/Observation.rs?category=laboratory'],
    ['launch', 'launch/patient'],
    ['patient/*.cruds', 'openid'],
    ['', 'openid'],
  ])('%s does not cover %s', (granted, asked) => {
    expect(isNarrowerOrEqual(scopes(asked), scopes(granted))).toBe(false);
  });

  it('is reflexive, and transitive', () => {
    fc.assert(
      fc.property(anyScopes, anyScopes, anyScopes, (a, some, others) => {
        const b = intersect(some, a);
        const c = intersect(others, b);
        expect(isNarrowerOrEqual(a, a)).toBe(true);
        expect(isNarrowerOrEqual(b, a) && isNarrowerOrEqual(c, b)).toBe(true);
        expect(isNarrowerOrEqual(c, a)).toBe(true);
      }),
    );
    fc.assert(
      fc.property(anyScopes, anyScopes, anyScopes, (a, b, c) => {
        if (isNarrowerOrEqual(b, a) && isNarrowerOrEqual(c, b)) expect(isNarrowerOrEqual(c, a)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('grows with what is granted', () => {
    fc.assert(
      fc.property(anyScopes, anyScopes, anyScope, (a, more, asked) => {
        if (covers(a, asked)) expect(covers([...a, ...more], asked)).toBe(true);
      }),
    );
  });
});

describe('intersect', () => {
  it.each([
    ['patient/Observation.read', 'patient/*.rs', 'patient/Observation.read'],
    ['patient/Observation.rs', 'patient/*.read', 'patient/Observation.rs'],
    [
      'patient/*.read',
      'patient/Observation.rs patient/Condition.cruds',
      'patient/Observation.read patient/Condition.read',
    ],
    ['patient/Observation.read', 'patient/Observation.r patient/Observation.s', 'patient/Observation.read'],
    ['patient/Observation.*', 'patient/Observation.crs', 'patient/Observation.read patient/Observation.c'],
    ['patient/Observation.*', 'patient/Observation.crud', 'patient/Observation.write patient/Observation.r'],
    ['patient/Observation.read', 'patient/Observation.r', 'patient/Observation.r'],
    [
      'patient/Observation.read',
      'patient/Observation.rs?category=laboratory',
      'patient/Observation.rs?category=laboratory',
    ],
    [
      'patient/Observation.rs?category=laboratory',
      'patient/Observation.read',
      'patient/Observation.rs?category=laboratory',
    ],
    ['patient/Observation.rs', 'patient/Observation.rs?category=a patient/Observation.rs', 'patient/Observation.rs'],
    ['patient/Observation.rs?category=a,b', 'patient/Observation.rs?category=a', 'patient/Observation.rs?category=a'],
    ['patient/Observation.rs?category=a', 'patient/Observation.rs?code=b', 'patient/Observation.rs?category=a&code=b'],
    ['openid launch/patient system/*.rs', 'openid system/Patient.rs', 'openid system/Patient.rs'],
    ['patient/Observation.rs', 'user/Observation.rs', ''],
    ['patient/Observation.rs', 'patient/Observation.cud', ''],
    ['patient/Observation.rs', '', ''],
  ])('of %s with the approved %s is %s', (asked, approved, both) => {
    expect(serialiseScopes(intersect(scopes(asked), scopes(approved)))).toBe(both);
  });

  it('is contained in both', () => {
    fc.assert(
      fc.property(anyScopes, anyScopes, (a, b) => {
        const both = intersect(a, b);
        expect(isNarrowerOrEqual(both, a)).toBe(true);
        expect(isNarrowerOrEqual(both, b)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is the widest such: what both cover, it covers', () => {
    fc.assert(
      fc.property(anyScopes, anyScopes, anyScope, (a, b, asked) => {
        if (covers(a, asked) && covers(b, asked)) expect(covers(intersect(a, b), asked)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('is idempotent, and commutative up to syntax', () => {
    fc.assert(
      fc.property(anyScopes, anyScopes, (a, b) => {
        const both = intersect(a, b);
        expect(equal(intersect(a, a), a)).toBe(true);
        expect(equal(intersect(both, b), both)).toBe(true);
        expect(equal(both, intersect(b, a))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('answers only in v2 to an app that asked in v2', () => {
    fc.assert(
      fc.property(anyScopes, anyScopes, (a, b) => {
        const inV2 = a.filter((it) => it.kind !== 'resource' || it.syntax === 'v2');
        expect(intersect(inV2, b).some((it) => it.kind === 'resource' && it.syntax === 'v1')).toBe(false);
      }),
    );
  });
});
