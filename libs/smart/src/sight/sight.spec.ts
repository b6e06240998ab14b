import type { FhirResource } from '../definitions/element-values.js';
import { parseScopes } from '../scopes/parse-scope.js';
import { matchesParameter } from './match-parameter.js';
import { narrowSearch } from './narrow-search.js';
import { isShaped, shapeResource } from './shape-answer.js';
import { judge, type Sight, systemReaches } from './sight.js';

const category = (...coding: object[]) => ({ category: [{ coding }] });
const hl7 = 'http://terminology.hl7.org/CodeSystem/observation-category';
const lab = category({ system: hl7, code: 'laboratory' });
const observation = (elements: object): FhirResource => ({ resourceType: 'Observation', id: 'o1', ...elements });

function sight(...scopes: string[]): Sight {
  const parsed = parseScopes(scopes);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  const reaches = { ...systemReaches, patient: { kind: 'patient', id: 'p1' } as const };
  return { scopes: parsed.scopes, reaches, bases: [] };
}

describe('what name=value finds', () => {
  it.each([
    ['laboratory', lab],
    [`${hl7}|laboratory`, lab],
    [`${hl7}|`, lab],
    ['vital-signs,laboratory', lab],
    ['|laboratory', category({ code: 'laboratory' })],
    ['laboratory', category({ code: 'other' }, { code: 'laboratory' })],
    ['a\\,b', category({ code: 'a,b' })],
    ['a\\|b', category({ code: 'a|b' })],
  ])('category=%s', (value, elements) => {
    expect(matchesParameter(observation(elements), 'Observation', { name: 'category', value }, [])).toBe(true);
  });

  it.each([
    ['laboratory', {}],
    ['laboratory', { category: [] }],
    ['laboratory', { category: [{ text: 'laboratory' }] }],
    ['laboratory', { category: 'laboratory2' }],
    ['Laboratory', lab],
    ['lab', lab],
    ['|laboratory', lab],
    ['http://other|laboratory', lab],
    [`${hl7}|vital-signs`, lab],
    [`${hl7}|laboratory|x`, lab],
    ['|', lab],
    // system and code must stand in one coding
    [`${hl7}|laboratory`, category({ system: hl7, code: 'survey' }, { system: 'x', code: 'laboratory' })],
  ])('not category=%s', (value, elements) => {
    expect(matchesParameter(observation(elements), 'Observation', { name: 'category', value }, [])).toBe(false);
  });

  it.each([
    ['status', 'final', { status: 'final' }, true],
    ['status', '|final', { status: 'final' }, true],
    ['status', 'http://x|final', { status: 'final' }, false],
    ['performer', 'Practitioner/a', { performer: [{ reference: 'Practitioner/a' }] }, true],
    ['performer', 'Practitioner/a', { performer: [{ reference: 'Practitioner/b' }] }, false],
    ['performer', 'a', { performer: [{ reference: 'Practitioner/a' }] }, false], // it may point to more than one type
    ['patient', 'p1', { subject: { reference: 'Patient/p1' } }, true],
    ['patient', 'p1', { subject: { reference: 'Group/p1' } }, false],
    ['identifier', 'urn:x|1', { identifier: [{ system: 'urn:x', value: '1' }] }, true],
    ['_security', 'R', { meta: { security: [{ code: 'R' }] } }, true],
    ['_profile', 'http://p', { meta: { profile: ['http://p'] } }, true],
    ['date', '2020', { effectiveDateTime: '2020' }, false], // not compared here, so nothing is granted by it
  ])('%s=%s of %j: %s', (name, value, elements, expected) => {
    expect(matchesParameter(observation(elements), 'Observation', { name, value }, [])).toBe(expected);
  });
});

describe('judging', () => {
  const ofP1 = { subject: { reference: 'Patient/p1' } };
  it.each([
    ['system/Observation.r', {}, 'seen'],
    ['system/Observation.s', {}, 'hidden'],
    ['system/Patient.r', {}, 'hidden'],
    ['patient/Observation.r', ofP1, 'seen'],
    ['patient/Observation.r', { subject: { reference: 'Patient/p2' } }, 'hidden'],
    ['user/Observation.r', ofP1, 'hidden'],
    ['system/Observation.r?category=laboratory', lab, 'seen'],
    ['system/Observation.r?category=survey', lab, 'hidden'],
    ['patient/Observation.r?category=laboratory', lab, 'hidden'],
    ['patient/Observation.r?category=laboratory', { ...lab, ...ofP1 }, 'seen'],
    ['system/Observation.r?category=laboratory&status=final', lab, 'hidden'],
    ['system/*.r', {}, 'seen'],
  ])('%s of %j: %s', (scope, elements, kind) => {
    expect(judge(observation(elements), 'r', sight(scope)).kind).toBe(kind);
  });

  it('scopes add up', () => {
    const both = sight('patient/Observation.r?category=survey', 'patient/Observation.r?category=laboratory');
    expect(judge(observation({ ...lab, ...ofP1 }), 'r', both).kind).toBe('seen');
  });

  it('a Provenance under patient/ is seen with its targets; a Binary with its security context under any scope', () => {
    const provenance = { resourceType: 'Provenance', target: [{ reference: 'Observation/o1' }] };
    expect(judge(provenance, 's', sight('patient/*.s'))).toMatchObject({ kind: 'if-seen' });
    expect(judge(provenance, 's', sight('system/*.s'))).toMatchObject({ kind: 'seen' });
    const binary = { resourceType: 'Binary', securityContext: { reference: 'DocumentReference/d' } };
    expect(judge(binary, 'r', sight('patient/*.r'))).toMatchObject({ kind: 'if-seen' });
    expect(judge(binary, 'r', sight('system/*.r'))).toMatchObject({ kind: 'if-seen' });
    expect(judge({ resourceType: 'Binary' }, 'r', sight('patient/*.r'))).toMatchObject({ kind: 'if-shown' });
    expect(judge({ resourceType: 'Binary' }, 'r', sight('system/*.r'))).toMatchObject({ kind: 'seen' });
  });

  it.each(['Bundle', 'Parameters', 'Subscription', 'Cat', '__proto__'])('a %s is never seen', (resourceType) => {
    expect(judge({ resourceType }, 'r', sight('system/*.cruds')).kind).toBe('hidden');
  });
});

describe('narrowing a search', () => {
  const added = (scope: string, type: Parameters<typeof narrowSearch>[0], query: Record<string, string> = {}) => {
    const params = Object.entries(query).map(([name, value]) => ({ name, value }));
    const { whole, phases } = narrowSearch(type, params, sight(...scope.split(' ')));
    return [whole, ...phases.map((it) => it.added.map(({ name, value }) => `${name}=${value}`).join('&'))];
  };
  it.each([
    ['system/*.s', 'Observation', {}, [true, '']],
    ['patient/*.s system/Observation.s', 'Observation', {}, [true, '']],
    ['patient/*.s', 'Practitioner', {}, [true, '']],
    ['patient/*.s', 'Patient', {}, [false, '_id=p1']],
    ['patient/*.s', 'MedicationRequest', {}, [false, 'subject=Patient/p1']],
    ['patient/*.s', 'Device', {}, [false, 'patient=Patient/p1']],
    ['patient/*.s', 'Appointment', {}, [false, 'actor=Patient/p1']],
    ['patient/*.s', 'Observation', {}, [false, 'subject=Patient/p1', 'performer=Patient/p1']],
    ['patient/*.s', 'Observation', { patient: 'p1' }, [false, 'subject=Patient/p1']],
    ['patient/*.s', 'Provenance', { target: 'Observation/o' }, [false, '']],
    ['patient/Observation.s?category=a', 'Observation', { patient: 'p1' }, [false, 'subject=Patient/p1&category=a']],
    ['system/Observation.s?category=a', 'Observation', {}, [false, 'category=a']],
    ['system/Observation.s?category=a system/Observation.s?category=b', 'Observation', {}, [false, '']],
    ['patient/Observation.s system/Observation.s?category=b', 'Observation', {}, [false, '']],
  ] as const)('under %s, %s?%j', (scope, type, query, expected) => {
    expect(added(scope, type, query)).toEqual(expected);
  });
});

describe('less of a resource', () => {
  const whole = observation({
    status: 'final',
    code: {},
    note: [],
    valueString: 'x',
    text: {},
    _status: { id: 'a' },
    meta: { versionId: '1' },
  });
  const kept = (name: string, value: string) => Object.keys(shapeResource(whole, [{ name, value }])).sort();
  it.each([
    ['_elements', 'note', ['_status', 'code', 'id', 'meta', 'note', 'resourceType', 'status']],
    ['_summary', 'true', ['_status', 'code', 'id', 'meta', 'resourceType', 'status', 'valueString']],
    ['_summary', 'text', ['_status', 'code', 'id', 'meta', 'resourceType', 'status', 'text']],
    ['_summary', 'data', ['_status', 'code', 'id', 'meta', 'note', 'resourceType', 'status', 'valueString']],
  ])('%s=%s', (name, value, names) => {
    expect(kept(name, value)).toEqual(names);
    expect(shapeResource(whole, [{ name, value }])['meta']).toMatchObject({
      versionId: '1',
      tag: [{ code: 'SUBSETTED' }],
    });
  });

  it('is not made without a need', () => {
    expect(shapeResource(whole, [{ name: '_summary', value: 'false' }])).toBe(whole);
    expect(isShaped([{ name: '_summary', value: 'count' }])).toBe(false);
  });
});
