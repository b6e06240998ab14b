import { isNarrowerOrEqual, parseScopes, type Scope } from '#smart';
import { english } from '../pages/words/english.js';
import { spanish } from '../pages/words/spanish.js';
import { agreedScopes, askedViews } from './consent-view.js';

function scopes(...texts: string[]): readonly Scope[] {
  const parsed = parseScopes(texts);
  if (!parsed.ok) throw new Error('malformed');
  return parsed.scopes;
}
const asked = scopes(
  'launch/patient',
  'openid',
  'fhirUser',
  'patient/Observation.rs',
  'patient/Patient.read',
  'offline_access',
);

describe('what a user is asked', () => {
  test('reading and changing are told apart', () => {
    const { asked: views } = askedViews(scopes('patient/Patient.rs', 'patient/Goal.cruds'));
    expect(views.map(({ reads, changes }) => [reads, changes])).toEqual([
      [true, false],
      [true, true],
    ]);
  });
  test('[SMART 2.2 §3.0.3] the categories of a resource are offered, each narrower than the whole', () => {
    const { asked: views } = askedViews(scopes('patient/Condition.rs', 'patient/Observation.read'));
    expect(views.map(({ parts }) => parts.length)).toEqual([3, 7]);
    for (const { scope, parts } of views)
      for (const part of parts) expect(isNarrowerOrEqual(scopes(part.scope), scopes(scope))).toBe(true);
  });

  test('clinical tests are offered as each version of US Core has them, in words of both languages', () => {
    const [observations] = askedViews(scopes('patient/Observation.rs')).asked;
    const offered = observations?.parts.map(({ scope }) => scope) ?? [];
    expect(offered).toEqual(
      expect.arrayContaining([
        'patient/Observation.rs?category=http://hl7.org/fhir/us/core/CodeSystem/us-core-observation-category|clinical-test',
        'patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|procedure',
      ]),
    );
    for (const { categories } of [english, spanish])
      for (const { category } of observations?.parts ?? []) expect(categories[category]).toEqual(expect.any(String));
    expect(english.categories['procedure']).toMatch(/clinical tests/);
  });
});

describe('what was agreed to', () => {
  test('what was chosen of what was asked, with the context that it is about', () => {
    expect(agreedScopes(asked, ['openid', 'fhirUser', 'patient/Patient.read'], true)).toEqual([
      'launch/patient',
      'openid',
      'fhirUser',
      'patient/Patient.read',
      'offline_access',
    ]);
  });
  test('parts instead of the whole', () => {
    const laboratory = askedViews(asked).asked[0]?.parts[0]?.scope ?? '';
    expect(agreedScopes(asked, [laboratory], false)).toEqual(['launch/patient', laboratory]);
  });
  test('going on without the user only where they said so', () => {
    expect(agreedScopes(asked, ['openid'], false)).not.toContain('offline_access');
  });
  test('nothing that was not offered', () => {
    expect(agreedScopes(asked, ['patient/*.cruds', 'system/*.rs', 'user/Patient.rs'], true)).toEqual([]);
  });
  test('nothing is nothing, whatever context was asked for', () => {
    expect(agreedScopes(asked, [], true)).toEqual([]);
    expect(agreedScopes(asked, ['fhirUser'], true)).toEqual([]);
  });
});
