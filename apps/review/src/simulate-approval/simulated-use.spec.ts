import { parseScope, type Scope } from '#smart';
import { effectOn } from './simulated-use.js';

const parsed = (texts: readonly string[]): readonly Scope[] =>
  texts.flatMap((text) => {
    const result = parseScope(text);
    return result.ok ? [result.scope] : [];
  });
const effect = (interaction: string, resourceType: string, scope: string, ...narrower: string[]) =>
  effectOn({ interaction, resourceType, scope, calls: 1, lastUsedAt: new Date() }, parsed(narrower));

describe('what a narrower approval would have made of a call', () => {
  it.each([
    ['read', 'Patient', 'system/*.rs', ['system/Patient.r'], 'kept'],
    ['search-type', 'Patient', 'system/*.rs', ['system/Patient.r'], 'denied'],
    ['read', 'Condition', 'system/*.rs', ['system/Patient.rs'], 'denied'],
    [
      'search-type',
      'Observation',
      'patient/Observation.rs',
      ['patient/Observation.rs?category=laboratory'],
      'narrowed',
    ],
    [
      'search-type',
      'Observation',
      'patient/Observation.s?category=laboratory',
      ['patient/Observation.s?category=laboratory'],
      'kept',
    ],
    [
      'search-type',
      'Observation',
      'patient/Observation.s?category=laboratory',
      ['patient/Observation.s?category=vital-signs'],
      'narrowed',
    ],
    ['read', 'Patient', 'patient/Patient.r', ['user/Patient.r'], 'denied'],
    ['update', 'Patient', 'system/Patient.cud', ['system/Patient.c'], 'denied'],
    [
      'search-type',
      'Observation',
      'patient/Observation.s?category=a patient/Observation.s?category=b',
      ['patient/Observation.s?category=a'],
      'narrowed',
    ],
    ['capabilities', '', '', [], 'kept'],
    ['search-type', 'Patient', 'system/Patient.rs', [], 'denied'],
  ] as const)('%s of %s under %s, with %j: %s', (interaction, type, scope, narrower, expected) => {
    expect(effect(interaction, type, scope, ...narrower)).toBe(expected);
  });
});
