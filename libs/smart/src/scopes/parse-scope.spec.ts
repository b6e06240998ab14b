import fc from 'fast-check';
import { parseScope, parseScopeList, parseScopes, scopeLimits } from './parse-scope.js';
import { anyScope } from './scope.arbitrary.js';
import { serialiseScope, serialiseScopes } from './serialise-scope.js';

const read = (text: string) => {
  const parsed = parseScope(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.fault.expected}`);
  return parsed.scope;
};

describe('a scope is read', () => {
  it.each([
    ['patient/Observation.read', ['r', 's'], 'v1'],
    ['patient/Observation.write', ['c', 'u', 'd'], 'v1'],
    ['patient/Observation.*', ['c', 'r', 'u', 'd', 's'], 'v1'],
    ['patient/Observation.rs', ['r', 's'], 'v2'],
    ['patient/Observation.d', ['d'], 'v2'],
    ['patient/Observation.cruds', ['c', 'r', 'u', 'd', 's'], 'v2'],
  ])('%s', (text, interactions, syntax) => {
    expect(read(text)).toEqual({
      kind: 'resource',
      context: 'patient',
      type: 'Observation',
      interactions,
      params: [],
      syntax,
    });
  });

  it.each(['patient', 'user', 'system'])('for the context %s and every type', (context) => {
    expect(read(`${context}/*.rs`)).toMatchObject({ context, type: '*' });
  });

  it('with the conditions of a granular scope, decoded', () => {
    const text =
      'patient/Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item&code=a%2Bb%26c';
    expect(read(text)).toMatchObject({
      params: [
        { name: 'category', value: 'http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item' },
        { name: 'code', value: 'a+b&c' },
      ],
    });
    expect(serialiseScope(read(text))).toBe(text);
  });

  it.each([
    ['launch', 'launch'],
    ['launch/patient', 'launch'],
    ['launch/encounter', 'launch'],
    ['openid', 'identity'],
    ['fhirUser', 'identity'],
    ['profile', 'identity'],
    ['offline_access', 'duration'],
    ['online_access', 'duration'],
  ])('%s', (text, kind) => {
    expect(read(text)).toEqual({ kind, name: text });
  });
});

describe('a malformed scope is refused with the position of the fault', () => {
  it.each([
    ['', 0],
    ['patient', 0],
    ['Patient/Observation.rs', 0],
    ['openID', 0],
    ['launch/', 7],
    ['launch/Patient', 7],
    ['patient/', 8],
    ['patient/.rs', 8],
    ['patient/observation.rs', 8],
    ['patient/Observatio.rs', 8],
    ['patient/Resource.rs', 8],
    ['patient/constructor.rs', 8],
    ['patient//Observation.rs', 8],
    ['patient/Observation', 19],
    ['patient/Observation.', 20],
    ['patient/Observation.dus', 21],
    ['patient/Observation.sr', 21],
    ['patient/Observation.rr', 21],
    ['patient/Observation.rx', 21],
    ['patient/Observation.Read', 20],
    ['patient/Observation.reads', 21],
    ['patient/Observation.**', 20],
    ['patient/Observation.rs.rs', 22],
    ['patient/Observation.read?category=a', 24],
    ['patient/Observation.rs?', 23],
    ['patient/Observation.rs?category', 31],
    ['patient/Observation.rs?category=', 32],
    ['patient/Observation.rs?category=a,', 32],
    ['patient/Observation.rs?category=%', 32],
    ['patient/Observation.rs?category=a%zz', 33],
    ['patient/Observation.rs?category=%ff', 32],
    ['patient/Observation.rs?category=%00', 32],
    ['patient/Observation.rs?category=%E2%80%AE', 32],
    ['patient/Observation.rs?category=a+b', 33],
    ['patient/Observation.rs?=a', 23],
    ['patient/Observation.rs?category=a&category=a', 34],
    ['patient/Observation.rs?category=a&', 34],
    ['patient/Observation.rs?colour=a', 23],
    ['patient/Observation.rs?category:not=a', 23],
    ['patient/Observation.rs?subject.name=a', 23],
    ['patient/Observation.rs?_has:Observation:patient:code=a', 23],
    ['patient/Observation.rs?_include=Observation:subject', 23],
    ['patient/*.rs?category=a', 13],
    ['patient/Observation.rs\u0000', 22],
    ['patient/Observation.rs\n', 22],
    [' patient/Observation.rs', 0],
    ['patient/Observatión.rs', 17],
    ['patient/Observation.rs"', 22],
    ['patient/Observation.rs\\', 22],
    [`patient/Observation.rs?category=${'a'.repeat(scopeLimits.scope)}`, scopeLimits.scope],
  ])('%j at %d', (text, position) => {
    const parsed = parseScope(text);
    expect(parsed).toMatchObject({ ok: false, fault: { position, index: 0 } });
    if (!parsed.ok) expect(parsed.fault.expected).not.toBe('');
  });

  it('and never by an exception, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('', 'patient/', 'patient/Patient.', 'user/Patient.rs?'),
        (text, start) => {
          const parsed = parseScope(start + text);
          if (parsed.ok) expect(parseScope(serialiseScope(parsed.scope))).toEqual(parsed);
          else expect(parsed.fault.position).toBeLessThanOrEqual(start.length + text.length);
        },
      ),
    );
  });
});

describe('a list of scopes', () => {
  it('is read in its order', () => {
    const parsed = parseScopeList('launch/patient openid patient/*.rs patient/Observation.read');
    expect(parsed.ok && serialiseScopes(parsed.scopes)).toBe(
      'launch/patient openid patient/*.rs patient/Observation.read',
    );
  });

  it('names every fault with its place in the list', () => {
    expect(parseScopeList('openid patient/Observation.dus  patient/Cat.rs')).toEqual({
      ok: false,
      faults: [
        expect.objectContaining({ index: 1, position: 28 }),
        expect.objectContaining({ index: 2, position: 31 }),
        expect.objectContaining({ index: 3, position: 40 }),
      ],
    });
    expect(parseScopes(['openid', 'patient/Observation.dus'])).toEqual({
      ok: false,
      faults: [expect.objectContaining({ index: 1, position: 21 })],
    });
  });

  it('holds each scope once, in each syntax', () => {
    expect(parseScopes(['patient/Observation.read', 'patient/Observation.rs']).ok).toBe(true);
    expect(parseScopes(['openid', 'openid'])).toMatchObject({ ok: false, faults: [{ index: 1, position: 0 }] });
    const turned = ['user/Observation.r?code=a&category=b', 'user/Observation.r?category=b&code=a'];
    expect(parseScopes(turned)).toMatchObject({ ok: false, faults: [{ index: 1 }] });
  });

  it('is bounded in length and number', () => {
    expect(parseScopeList('a'.repeat(scopeLimits.list + 1))).toMatchObject({
      ok: false,
      faults: [{ position: scopeLimits.list }],
    });
    const many = Array.from({ length: scopeLimits.scopes + 1 }, () => 'openid');
    expect(parseScopes(many)).toMatchObject({ ok: false, faults: [{ index: scopeLimits.scopes }] });
    expect(parseScopeList('')).toMatchObject({ ok: false, faults: [{ index: 0, position: 0 }] });
  });
});

it('what is written is read back equal', () => {
  fc.assert(
    fc.property(anyScope, (scope) => {
      expect(read(serialiseScope(scope))).toEqual(scope);
    }),
  );
});
