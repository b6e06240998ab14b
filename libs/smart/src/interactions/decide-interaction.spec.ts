import fc from 'fast-check';
import { intersect } from '../scopes/algebra.js';
import { parseScopeList } from '../scopes/parse-scope.js';
import { anyScopes } from '../scopes/scope.arbitrary.js';
import { serialiseScopes } from '../scopes/serialise-scope.js';
import { decideInteraction, type Enforced } from './decide-interaction.js';
import { readRequest } from './read-request.js';

const interaction = (line: string) => {
  const [method = '', target = ''] = line.split(' ');
  const mark = target.indexOf('?');
  const [path, query] = mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
  return readRequest({ method, path, query, headers: {} });
};
const decide = (scopes: string, line: string, enforced?: Enforced) => {
  const parsed = parseScopeList(scopes);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return decideInteraction(parsed.scopes, interaction(line), enforced);
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
    'GET /Patient?_elements=name',
    'GET /Patient?_summary=true',
    'GET /Patient?_summary=text',
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
    'GET /Patient/p1?_summary=text',
    'GET /Patient/p1?_elements=name',
    'GET /Patient/p1?_format=xml',
    'GET /Patient/_history?name=a',
    'GET /Patient/p1/_history?_at=2020',
    'GET /metadata?x=y',
    'GET /metadata?mode=terminology',
    'GET /%50atient/p1',
    'GET /Patient/p1/Observation',
  ])('%s', (line) => {
    expect(decide('system/*.cruds', line, { writes: true })).toMatchObject({
      outcome: 'deny',
      reason: 'not-understood',
      wouldAllow: [],
    });
  });
});

describe('not enforced yet, so denied', () => {
  it.each([
    ['patient/*.cruds', 'GET /Patient/p1'],
    ['user/*.cruds', 'GET /Patient/p1'],
    ['patient/Observation.rs', 'GET /Observation?patient=p1'],
    ['system/Observation.rs?category=laboratory', 'GET /Observation?category=laboratory'],
    ['system/Observation.rs?category=laboratory', 'GET /Observation/o1'],
    ['system/Observation.rs patient/Patient.rs', 'GET /Observation?_include=Observation:patient'],
    ['system/*.cruds', 'POST /'],
    ['system/*.cruds', 'POST /Patient'],
    ['system/*.cruds', 'PUT /Patient/p1'],
    ['system/*.cruds', 'DELETE /Patient/p1'],
    ['system/*.cruds', 'PATCH /Patient/p1'],
    ['system/*.cruds', 'PUT /Patient?_id=p1'],
    ['system/*.cruds', 'DELETE /Patient?_id=p1'],
    ['system/*.cruds', 'GET /Patient/p1/$everything'],
    ['system/*.cruds', 'GET /$export'],
    ['system/*.cruds', 'POST /$graphql'],
    ['system/*.cruds', 'GET /_history'],
    ['system/*.cruds', 'GET /Binary/b1'],
    ['system/Binary.rs', 'GET /Binary/b1'],
    ['system/*.cruds', 'GET /Bundle/b1'],
    ['system/*.cruds', 'GET /Subscription'],
    ['system/*.cruds', 'GET /?_type=Patient,Binary'],
    ['system/*.cruds', 'GET /Composition?_revinclude=Bundle:composition'],
    ['system/*.cruds', 'GET /Provenance?_include=Provenance:target:Binary'],
  ])('with %s, %s', (scopes, line) => {
    expect(decide(scopes, line)).toMatchObject({ outcome: 'deny', reason: 'not-enforced', wouldAllow: [] });
  });
});

describe('plain writes, where the caller enforces what they need', () => {
  const writes = { writes: true };
  it.each([
    ['system/Patient.c', 'POST /Patient'],
    ['system/Patient.u', 'PUT /Patient/p1'],
    ['system/*.d', 'DELETE /Patient/p1'],
    ['system/Consent.c', 'POST /Consent'],
  ])('with %s, %s', (scopes, line) => {
    expect(decide(scopes, line, writes).outcome).toBe('allow');
  });

  it.each([
    ['system/Patient.rs', 'POST /Patient', 'not-granted'],
    ['system/Patient.c', 'PUT /Patient/p1', 'not-granted'],
    ['system/*.cruds', 'POST /Consent', 'not-granted'],
    ['system/*.cruds', 'PUT /StructureDefinition/s1', 'not-granted'],
    ['system/*.cruds', 'POST /Subscription', 'not-enforced'],
    ['system/*.cruds', 'POST /Binary', 'not-enforced'],
    ['system/*.cruds', 'DELETE /Patient/p1?_cascade=delete', 'not-understood'],
    ['system/*.cruds', 'PATCH /Patient/p1', 'not-enforced'],
    ['patient/*.cruds', 'PUT /Patient/p1', 'not-enforced'],
  ])('but not with %s, %s', (scopes, line, reason) => {
    expect(decide(scopes, line, writes)).toMatchObject({ outcome: 'deny', reason });
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
      const both = decideInteraction(intersect(asked, approved), interaction(line), { writes: true });
      if (both.outcome === 'deny') return;
      expect(decideInteraction(asked, interaction(line), { writes: true }).outcome).toBe('allow');
      expect(decideInteraction(approved, interaction(line), { writes: true }).outcome).toBe('allow');
    }),
    { numRuns: 500 },
  );
});
