import fc from 'fast-check';
import { intersect } from '../scopes/algebra.js';
import { parseScopeList } from '../scopes/parse-scope.js';
import { anyScopes } from '../scopes/scope.arbitrary.js';
import { serialiseScopes } from '../scopes/serialise-scope.js';
import { decideInteraction, type Enforced } from './decide-interaction.js';
import { type Reaches, systemReaches } from '../sight/sight.js';
import { readRequest } from './read-request.js';

const interaction = (line: string) => {
  const [method = '', target = ''] = line.split(' ');
  const mark = target.indexOf('?');
  const [path, query] = mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
  return readRequest({ method, path, query, headers: {} });
};
/** All that there is, but for the types that a route must let through by name. */
const enforced: Enforced = { writes: { byName: new Set() } };
const decide = (scopes: string, line: string, enforced?: Enforced, reaches?: Reaches) => {
  const parsed = parseScopeList(scopes);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return decideInteraction(parsed.scopes, interaction(line), reaches, enforced);
};
const allowed = (scopes: string, line: string) => {
  const decision = decide(scopes, line);
  return decision.outcome === 'allow' ? serialiseScopes(decision.scopes) : `${decision.reason}: ${decision.detail}`;
};

describe('allowed, by the scopes named', () => {
  it.each([
    ['system/Patient.r', 'GET /Patient/p1', 'system/Patient.r'],
    ['system/*.read', 'GET /Patient/p1', 'system/*.read'],
    ['system/Patient.s system/Patient.r', 'GET /Patient/p1/_history/1', 'system/Patient.r'],
    ['system/Patient.r', 'GET /Patient/p1/_history?_count=5&_since=2020-01-01T00:00:00Z', 'system/Patient.r'],
    ['system/Patient.s', 'GET /Patient/_history', 'system/Patient.s'],
    ['system/Observation.s', 'GET /Observation?patient=p1', 'system/Observation.s'],
    ['system/Device.s', 'GET /Device?patient=Patient/p1', 'system/Device.s'],
    [
      'system/Observation.s',
      'GET /Observation?patient=Patient/p1,Patient/p2&category=laboratory&date=ge2020&date=le2021',
      'system/Observation.s',
    ],
    [
      'system/Observation.s',
      'GET /Observation?code=http://loinc.org|1234-5&_count=10&_sort=-date,_id&_format=json&_pretty=true&_total=none',
      'system/Observation.s',
    ],
    [
      'system/Observation.s',
      'GET /Observation?patient:missing=false&subject:Patient=p1&code:not=a&_summary=count',
      'system/Observation.s',
    ],
    [
      'system/Patient.s',
      'GET /Patient?name:exact=Ada&family:contains=x&_id=a,b&_lastUpdated=gt2020',
      'system/Patient.s',
    ],
    [
      'system/MedicationRequest.rs system/Medication.r',
      'GET /MedicationRequest?_include=MedicationRequest:medication',
      'system/MedicationRequest.rs system/Medication.r',
    ],
    [
      'system/Patient.rs system/Provenance.rs',
      'GET /Patient?_revinclude=Provenance:target',
      'system/Patient.rs system/Provenance.rs',
    ],
    [
      'system/Observation.s system/Patient.rs',
      'GET /Observation?subject:Patient.name=a&_include=Observation:subject:Patient',
      'system/Observation.s system/Patient.rs',
    ],
    [
      'system/Patient.s system/Observation.s',
      'GET /Patient?_has:Observation:patient:code=a',
      'system/Patient.s system/Observation.s',
    ],
    [
      'system/Patient.s system/Observation.s',
      'GET /?_type=Patient,Observation&_lastUpdated=gt2020',
      'system/Patient.s system/Observation.s',
    ],
    ['openid', 'GET /metadata', ''],
    ['openid', 'GET /metadata?mode=full', ''],
  ])('with %s, %s', (scopes, line, by) => {
    expect(allowed(scopes, line)).toBe(by);
  });
});

describe('not granted, and what would allow it', () => {
  it.each([
    ['openid', 'GET /Patient/p1', ['system/Patient.r']],
    ['system/Patient.s', 'GET /Patient/p1', ['system/Patient.r']],
    ['system/Patient.r', 'GET /Patient', ['system/Patient.s']],
    ['system/Patient.cud', 'GET /Patient/p1', ['system/Patient.r']],
    ['system/Observation.rs', 'GET /Patient/p1/_history/1', ['system/Patient.r']],
    ['system/Observation.r', 'GET /Observation/_history', ['system/Observation.s']],
    [
      'system/MedicationRequest.rs',
      'GET /MedicationRequest?_include=MedicationRequest:medication',
      ['system/Medication.r'],
    ],
    [
      'system/Observation.rs system/Patient.rs',
      'GET /Observation?_include=Observation:subject',
      ['system/Device.r', 'system/Group.r', 'system/Location.r'],
    ],
    ['system/Patient.rs', 'GET /Patient?_revinclude=Observation:subject', ['system/Observation.s']],
    [
      'system/Patient.rs system/Observation.r',
      'GET /Patient?_revinclude=Observation:subject',
      ['system/Observation.s'],
    ],
    ['system/Observation.rs', 'GET /Observation?patient.name=a', ['system/Patient.s']],
    ['system/Observation.rs', 'GET /Observation?subject:Patient.name=a', ['system/Patient.s']],
    ['system/Patient.rs', 'GET /Patient?_has:Observation:patient:code=a', ['system/Observation.s']],
    [
      'system/Patient.rs system/Observation.rs',
      'GET /Patient?_has:Observation:patient:_has:Provenance:target:recorded=gt2020',
      ['system/Provenance.s'],
    ],
    [
      'system/Observation.rs system/Patient.rs',
      'GET /Observation?patient.organization.name=a',
      ['system/Organization.s'],
    ],
    ['system/Patient.rs', 'GET /?_type=Patient,Observation', ['system/Observation.s']],
  ])('with %s, %s', (scopes, line, wouldAllow) => {
    expect(decide(scopes, line)).toMatchObject({ outcome: 'deny', reason: 'not-granted', wouldAllow });
  });
});

describe('not understood, whatever the scopes', () => {
  it.each([
    'GET /Observation?patient=',
    'GET /Observation?patient=p1,',
    'GET /Observation?patient=+',
    'GET /Observation?colour=red',
    'GET /Observation?Patient=p1',
    'GET /Observation?%2570atient=p1',
    'GET /Observation?patient:Device=p1',
    'GET /Observation?patient:identifier=a',
    'GET /Observation?patient:missing=maybe',
    'GET /Observation?code:in=http://example.org/vs',
    'GET /Observation?code:below=a',
    'GET /Observation?code:text=a',
    'GET /Observation?code:not:not=a',
    'GET /Observation?patient.=a',
    'GET /Observation?.name=a',
    'GET /Observation?code.name=a',
    'GET /Observation?focus.name=a',
    'GET /Observation?patient.colour=red',
    'GET /Observation?patient:Patient:x.name=a',
    'GET /Patient?_has=a',
    'GET /Patient?_has:Observation:patient=a',
    'GET /Patient?_has:Observation:code:code=a',
    'GET /Patient?_has:Encounter:based-on:status=a',
    'GET /Patient?_has:Cat:patient:code=a',
    'GET /Patient?link:Patient.link:Patient.link:Patient.link:Patient.name=a',
    'GET /Patient?_filter=name+eq+a',
    'GET /Patient?_query=a',
    'GET /Patient?_list=a',
    'GET /Patient?_text=a',
    'GET /Patient?_content=a',
    'GET /Patient?_contained=true',
    'GET /Patient?_containedType=container',
    'GET /Patient?_elements=',
    'GET /Patient?_elements=name&_elements=id',
    'GET /Patient?_summary=all',
    'GET /Patient?_page=AAAA',
    'GET /Patient?_format=xml',
    'GET /Patient?_format=html/json',
    'GET /Patient?_format=json&_format=xml',
    'GET /Patient?_count=10&_count=1000',
    'GET /Patient?_count=all',
    'GET /Patient?_sort=colour',
    'GET /Patient?_sort=name&_sort=_id',
    'GET /Patient?_getpages=7d8b&_getpagesoffset=20',
    'GET /Patient?_offset=20',
    'GET /Patient?_bundletype=transaction',
    'GET /Patient?_method=DELETE',
    'GET /Patient?_include=*',
    'GET /Patient?_include=Patient:*',
    'GET /Patient?_include=Patient:name',
    'GET /Patient?_include=Observation:subject',
    'GET /Patient?_include=Patient:link:Device',
    'GET /Patient?_include:recurse=Patient:link',
    'GET /Patient?_include=Provenance:target',
    'GET /Patient?_include:iterate=Practitioner:colour',
    'GET /Provenance?_include=Provenance:target',
    'GET /Patient?_revinclude=*',
    'GET /Patient?_revinclude=Observation:*',
    'GET /Patient?_revinclude=Observation:encounter',
    'GET /',
    'GET /?_lastUpdated=gt2020',
    'GET /?_type=Patient&_type=Observation',
    'GET /?_type=Patient,',
    'GET /?_type=Patient&name=a',
    'GET /?_type=Patient&_include=Patient:link',
    'GET /?_getpages=7d8b',
    'GET /Patient/p1?name=a',
    'GET /Patient/p1?_format=xml',
    'GET /Patient/_history?name=a',
    'GET /Patient/p1/_history?_at=2020',
    'GET /metadata?x=y',
    'GET /metadata?mode=terminology',
    'GET /%50atient/p1',
    'GET /Patient/p1/Observation',
  ])('%s', (line) => {
    expect(decide('system/*.cruds', line, enforced)).toMatchObject({
      outcome: 'deny',
      reason: 'not-understood',
      wouldAllow: [],
    });
  });
});

describe('not enforced yet, so denied', () => {
  it.each([
    ['system/*.cruds', 'POST /'],
    ['system/*.cruds', 'POST /Patient'],
    ['system/*.cruds', 'PUT /Patient/p1'],
    ['system/*.cruds', 'DELETE /Patient/p1'],
    ['system/*.cruds', 'PATCH /Patient/p1'],
    ['system/*.cruds', 'PUT /Patient?_id=p1'],
    ['system/*.cruds', 'DELETE /Patient?_id=p1'],
    ['system/*.cruds', 'POST /$graphql'],
    ['system/*.cruds', 'GET /_history'],
    ['system/Observation.rs?category=laboratory', 'GET /Observation/_history'],
    ['system/*.cruds', 'GET /Bundle/b1'],
    ['system/*.cruds', 'GET /Binary?_id=b1'],
    ['system/*.cruds', 'GET /Composition?_revinclude=Bundle:composition'],
    ['system/Observation.rs?date=2020', 'GET /Observation?category=laboratory'],
    ['system/Observation.rs?combo-value-quantity=1', 'GET /Observation/o1'],
    ['system/*.cruds', 'GET /Subscription'],
    ['system/*.cruds', 'GET /?_type=Patient,Binary'],
  ])('with %s, %s', (scopes, line) => {
    expect(decide(scopes, line)).toMatchObject({ outcome: 'deny', reason: 'not-enforced', wouldAllow: [] });
  });
});

it('a Bundle is let in where it is taken apart, under any scope: by itself it shows and changes nothing', () => {
  expect(decide('openid', 'POST /', { bundles: true })).toEqual({ outcome: 'allow', scopes: [], whole: false });
  expect(decide('system/*.cruds', 'POST /?_getpages=1', { bundles: true })).toMatchObject({ reason: 'not-understood' });
});

describe('writes, where the caller enforces what they need', () => {
  const consents: Enforced = { writes: { byName: new Set(['Consent']) } };
  it.each([
    ['system/Patient.c', 'POST /Patient'],
    ['system/Patient.u', 'PUT /Patient/p1'],
    ['system/Patient.ru', 'PATCH /Patient/p1'],
    ['system/*.d', 'DELETE /Patient/p1'],
    ['system/Patient.us', 'PUT /Patient?identifier=urn:a|1'],
    ['system/Patient.ds', 'DELETE /Patient?_id=p1&active=true&_format=json'],
    ['system/Patient.rus', 'PATCH /Patient?identifier=urn:a|1'],
    ['system/Patient.write system/Patient.read', 'PUT /Patient?_id=p1'],
    ['system/Consent.c', 'POST /Consent'],
  ])('with %s, %s, and never by the request alone', (scopes, line) => {
    expect(decide(scopes, line, consents)).toMatchObject({ outcome: 'allow', whole: false });
  });

  it.each([
    ['system/Patient.rs', 'POST /Patient', 'system/Patient.c'],
    ['system/Patient.c', 'PUT /Patient/p1', 'system/Patient.u'],
    // Whether a patch can be applied tells what the resource holds; what a condition finds tells what there is.
    ['system/Patient.u', 'PATCH /Patient/p1', 'system/Patient.r'],
    ['system/Patient.cud', 'PUT /Patient?_id=p1', 'system/Patient.s'],
    ['system/Patient.cud', 'DELETE /Patient?_id=p1', 'system/Patient.s'],
    ['system/*.cruds', 'POST /Consent', 'system/Consent.c'],
  ])('with %s alone, %s is refused, and told that it needs %s', (scopes, line, wouldAllow) => {
    expect(decide(scopes, line, consents)).toMatchObject({ reason: 'not-granted', wouldAllow: [wouldAllow] });
  });

  it.each([
    'PUT /Patient',
    'PUT /Patient?name=a',
    'PUT /Patient?birthdate=2020',
    'PUT /Patient?identifier:not=a',
    'PUT /Patient?identifier=',
    'PUT /Patient?_has:Observation:patient:code=a',
    'DELETE /Patient?organization.name=a',
    'DELETE /Patient?_count=1',
    'DELETE /Patient?colour=red',
    'DELETE /Patient/p1?_cascade=delete',
  ])('a condition that cannot be checked is refused: %s', (line) => {
    expect(decide('system/*.cruds', line, enforced)).toMatchObject({ reason: 'not-understood' });
  });

  it.each([
    ['system/StructureDefinition.cruds', 'PUT /StructureDefinition/s1'],
    ['system/Consent.cruds', 'POST /Consent'],
    ['system/*.cruds', 'POST /Subscription'],
    ['system/*.cruds', 'POST /Binary'],
    ['system/*.cruds', 'POST /Bundle'],
  ])('a type that is not written here is refused: with %s, %s', (scopes, line) => {
    expect(decide(scopes, line, enforced)).toMatchObject({ reason: 'not-enforced' });
  });

  it('what is shared by all patients is no patient’s to change', () => {
    const reaches: Reaches = { ...systemReaches, patient: { kind: 'patient', id: 'p1' } };
    expect(decide('patient/*.cruds', 'PUT /Practitioner/a', enforced, reaches)).toMatchObject({
      reason: 'not-granted',
      wouldAllow: ['system/Practitioner.u'],
    });
    expect(decide('patient/*.cruds', 'GET /Practitioner/a', enforced, reaches).outcome).toBe('allow');
    expect(decide('patient/*.cruds', 'PUT /Observation/a', enforced, reaches).outcome).toBe('allow');
  });
});

it('never allows more under narrower scopes', () => {
  const lines = [
    'GET /Patient/p1',
    'GET /Observation?code=a',
    'GET /Condition?_revinclude=Observation:focus',
    'DELETE /Observation/o1',
    'GET /Observation?_include=Observation:patient',
  ];
  fc.assert(
    fc.property(anyScopes, anyScopes, fc.constantFrom(...lines), (asked, approved, line) => {
      const both = decideInteraction(intersect(asked, approved), interaction(line), systemReaches, enforced);
      if (both.outcome === 'deny') return;
      expect(decideInteraction(asked, interaction(line), systemReaches, enforced).outcome).toBe('allow');
      expect(decideInteraction(approved, interaction(line), systemReaches, enforced).outcome).toBe('allow');
    }),
    { numRuns: 500 },
  );
});

const ofPatient: Reaches = { ...systemReaches, patient: { kind: 'patient', id: 'p1' }, user: { kind: 'everybody' } };
const shown = (scopes: string, line: string, reaches?: Reaches) => {
  const decision = decide(scopes, line, {}, reaches);
  return decision.outcome === 'allow' ? 'allow' : `${decision.reason}: ${decision.wouldAllow.join(' ')}`;
};

describe('what security.md says must pass under patient/*.rs', () => {
  it.each([
    'GET /Observation?patient=p1',
    'GET /Observation?patient=Patient/p1',
    'GET /MedicationRequest?patient=p1&_include=MedicationRequest:medication',
    'GET /Observation?patient=p1&_revinclude=Provenance:target',
    'GET /Observation?patient=p1&category=laboratory,vital-signs',
    'GET /Observation?patient=p1&date=ge2020-01-01&date=lt2021',
    'GET /Observation?code=http://loinc.org|4548-4',
    'GET /Device?patient=p1',
    'GET /Practitioner/x',
    'GET /Organization/x',
    'GET /Location/x',
    'GET /Medication/x',
    'GET /Patient/p1',
    'GET /Patient?_id=p1',
    'GET /Observation/o1/_history',
    'GET /Observation/o1/_history/1',
    'GET /Binary/b1',
    'GET /Provenance?target=Observation/o1',
  ])('%s', (line) => {
    expect(shown('patient/*.rs', line, ofPatient)).toBe('allow');
  });
});

describe('each parameter that could tell what may not be seen, both ways', () => {
  it.each([
    ['patient/*.rs', 'GET /Observation?_include=Observation:performer:Practitioner', 'allow'],
    [
      'patient/Observation.rs',
      'GET /Observation?_include=Observation:performer:Practitioner',
      'not-granted: patient/Practitioner.r',
    ],
    ['patient/*.rs', 'GET /Observation?_include=Observation:subject:Group', 'allow'],
    ['patient/*.rs', 'GET /MedicationRequest?_include=MedicationRequest:requester', 'allow'],
    ['patient/*.rs', 'GET /Appointment?_include=Appointment:slot', 'not-granted: system/Slot.r'],
    ['patient/*.rs', 'GET /Observation?_revinclude=Provenance:target', 'allow'],
    ['patient/Observation.rs', 'GET /Observation?_revinclude=Provenance:target', 'not-granted: patient/Provenance.s'],
    ['patient/*.rs', 'GET /Observation?_include:iterate=Encounter:location', 'allow'],
    ['patient/*.rs', 'GET /Observation?_include:iterate=Slot:schedule', 'not-granted: system/Slot.r'],
    ['patient/*.rs', 'GET /Patient?_has:Observation:patient:code=a', 'not-granted: system/Observation.s'],
    ['patient/*.rs system/Observation.s', 'GET /Patient?_has:Observation:patient:code=a', 'allow'],
    [
      'system/Patient.rs system/Observation.rs?category=laboratory',
      'GET /Patient?_has:Observation:patient:code=a',
      'not-granted: system/Observation.s',
    ],
    ['patient/*.rs', 'GET /Observation?patient.name=a', 'not-granted: system/Patient.s'],
    ['patient/*.rs', 'GET /Observation?performer:Practitioner.name=a', 'allow'],
    ['patient/Observation.rs', 'GET /Observation?performer:Practitioner.name=a', 'not-granted: patient/Practitioner.s'],
    ['patient/*.rs', 'GET /Observation?encounter:Encounter.status=finished', 'not-granted: system/Encounter.s'],
    ['patient/*.rs', 'GET /Observation?_filter=code+eq+a', 'not-understood: '],
    ['patient/*.rs', 'GET /Observation?_list=l', 'not-understood: '],
    ['patient/*.rs', 'GET /Observation?_query=q', 'not-understood: '],
    ['patient/*.rs', 'GET /Observation?_content=c', 'not-understood: '],
    ['patient/*.rs', 'GET /Observation?_text=t', 'not-understood: '],
    ['patient/*.rs', 'GET /Observation?_contained=true', 'not-understood: '],
    ['patient/*.rs', 'GET /Observation?_contained=false', 'allow'],
    ['patient/*.rs', 'GET /Observation?_sort=-date', 'allow'],
    ['patient/*.rs', 'GET /Observation?_sort=patient.name', 'not-understood: '],
    ['patient/*.rs', 'GET /Observation?_total=accurate', 'allow'],
    ['patient/*.rs', 'GET /Observation?_total=all', 'not-understood: '],
    ['patient/*.rs', 'GET /Observation?_summary=count', 'allow'],
    ['patient/*.rs', 'GET /Observation?_summary=everything', 'not-understood: '],
    ['patient/*.rs', 'GET /Observation?_elements=code,status', 'allow'],
    ['patient/*.rs', 'GET /Observation?_elements=code.text', 'not-understood: '],
    ['patient/*.rs', 'GET /Provenance?recorded=gt2020', 'not-enforced: '],
    ['system/*.rs', 'GET /Provenance?recorded=gt2020', 'allow'],
    ['patient/*.rs', 'GET /Observation/_history', 'not-enforced: '],
    ['system/*.rs', 'GET /Observation/_history', 'allow'],
    ['patient/*.rs', 'GET /?_type=Observation', 'not-enforced: '],
    ['patient/*.rs', 'GET /?_type=Practitioner', 'allow'],
    ['patient/*.rs', 'GET /Slot/s1', 'not-granted: system/Slot.r'],
    ['user/*.rs', 'GET /Slot/s1', 'allow'],
  ])('with %s, %s: %s', (scopes, line, expected) => {
    expect(shown(scopes, line, ofPatient)).toBe(expected);
  });
});

it.each([
  ['patient/*.rs', 'GET /Patient/p1', 'The token names no patient, so that its patient/ scopes allow nothing.'],
  ['user/*.rs', 'GET /Patient/p1', 'Nobody says what the user may see, so that user/ scopes allow nothing.'],
])('without the context, %s allows nothing, and says so', (scopes, line, detail) => {
  expect(decide(scopes, line)).toMatchObject({ outcome: 'deny', reason: 'not-granted', detail });
});

it('scopes add up: one that reaches nobody takes nothing from one that does', () => {
  expect(shown('patient/*.rs system/Patient.r', 'GET /Patient/p1')).toBe('allow');
});
