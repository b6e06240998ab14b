import { decideInteraction } from '../interactions/decide-interaction.js';
import { readRequest } from '../interactions/read-request.js';
import { parseScopes } from '../scopes/parse-scope.js';
import { judge, systemReaches } from './sight.js';
import { Withholding, type WithholdingRule } from './withholding.js';

const bases = ['https://fhir.example/r4'];
const confidentiality = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const everything = parseScopes(['system/*.cruds']);
const scopes = everything.ok ? everything.scopes : [];

const sees = (
  resource: { readonly resourceType: string; readonly [name: string]: unknown },
  rule: WithholdingRule,
  purposes: string[] = [],
) => {
  const reaches = { ...systemReaches, withheld: new Withholding([rule], purposes) };
  return (['r', 's'] as const).map((it) => judge({ id: 'x', ...resource }, it, { scopes, reaches, bases }).kind);
};
const hidden = ['hidden', 'hidden'];
const seen = ['seen', 'seen'];

const restricted = { meta: { security: [{ system: confidentiality, code: 'R' }] } };
const hiv = { code: { coding: [{ system: 'http://loinc.org', code: '75622-1' }] } };
const ofPatient = (id: string) => ({ subject: { reference: `Patient/${id}` } });

test.each<[string, WithholdingRule, object, string[]]>([
  ['a security label', { name: 'r', security: [`${confidentiality}|R`] }, restricted, hidden],
  ['another label', { name: 'r', security: [`${confidentiality}|V`] }, restricted, seen],
  ['a label of another system', { name: 'r', security: ['|R'] }, restricted, seen],
  ['a type', { name: 'r', types: ['Observation'] }, {}, hidden],
  ['another type', { name: 'r', types: ['Condition'] }, {}, seen],
  ['a code', { name: 'r', codes: ['http://loinc.org|75622-1'] }, hiv, hidden],
  [
    'a category',
    { name: 'r', codes: ['http://x|psy'] },
    { category: [{ coding: [{ system: 'http://x', code: 'psy' }] }] },
    hidden,
  ],
  ['a patient', { name: 'r', patients: ['p1', 'p2'] }, ofPatient('p2'), hidden],
  ['another patient', { name: 'r', patients: ['p1'] }, ofPatient('p2'), seen],
  ['one part of two', { name: 'r', patients: ['p2'], codes: ['http://loinc.org|75622-1'] }, ofPatient('p2'), seen],
  [
    'both parts',
    { name: 'r', patients: ['p2'], codes: ['http://loinc.org|75622-1'] },
    { ...ofPatient('p2'), ...hiv },
    hidden,
  ],
])('%s', (_what, rule, fields, expected) => {
  expect(sees({ resourceType: 'Observation', ...fields }, rule)).toEqual(expected);
});

test('a Binary that does not say what it belongs to is not seen without its documents', () => {
  const shown = ['if-shown', 'if-shown'];
  expect(sees({ resourceType: 'Binary' }, { name: 'r', patients: ['p1'] })).toEqual(shown);
});

test('a patient who is withheld is so as a resource too', () => {
  expect(sees({ resourceType: 'Patient', id: 'p1' }, { name: 'r', patients: ['p1'] })).toEqual(hidden);
});

test.each<[string, string, object, string[]]>([
  [
    'a link between records',
    'Linkage',
    { item: [{ type: 'source', resource: { reference: 'Patient/p1/_history/2' } }] },
    hidden,
  ],
  [
    'what a message is about',
    'MessageHeader',
    { focus: [{ reference: 'Organization/o' }, { reference: `${bases[0]}/Patient/p1` }] },
    hidden,
  ],
  ['a link to another patient', 'Linkage', { item: [{ resource: { reference: 'Patient/p2' } }] }, seen],
  ['a message about nobody', 'MessageHeader', {}, seen],
])('a rule for patients, and of a type outside their compartment %s', (_what, resourceType, fields, expected) => {
  expect(sees({ resourceType, ...fields }, { name: 'r', patients: ['p1'] })).toEqual(expected);
});

const holding = (...contained: object[]) => ({ resourceType: 'Procedure', contained });
const condition = { resourceType: 'Condition', id: 'c', ...hiv };

test.each<[string, WithholdingRule, { readonly resourceType: string }, string[]]>([
  ['a type', { name: 'r', types: ['Condition'] }, holding(condition), hidden],
  ['another type', { name: 'r', types: ['Observation'] }, holding(condition), seen],
  ['a code', { name: 'r', codes: ['http://loinc.org|75622-1'] }, holding({ resourceType: 'Basic' }, condition), hidden],
  [
    'a type and a code',
    { name: 'r', types: ['Condition'], codes: ['http://loinc.org|75622-1'] },
    holding(condition),
    hidden,
  ],
  [
    'a type, and the code of what it stands beside',
    { name: 'r', types: ['Condition'], codes: ['http://loinc.org|75622-1'] },
    holding({ resourceType: 'Condition' }, { ...condition, resourceType: 'Observation' }),
    seen,
  ],
  ['a patient', { name: 'r', patients: ['p1'] }, holding({ ...condition, ...ofPatient('p1') }), hidden],
  ['another patient', { name: 'r', patients: ['p1'] }, holding({ ...condition, ...ofPatient('p2') }), seen],
  [
    'a patient, by a type that is nobody’s',
    { name: 'r', patients: ['p1'] },
    holding({ resourceType: 'Organization', partOf: { reference: 'Patient/p1' } }),
    hidden,
  ],
  [
    'a code, within what is of a patient',
    { name: 'r', codes: ['http://loinc.org|75622-1'], patients: ['p1'] },
    { ...holding(condition), ...ofPatient('p1') },
    hidden,
  ],
  [
    'a type, within what has a label',
    { name: 'r', types: ['Condition'], security: [`${confidentiality}|R`] },
    { ...holding(condition), ...restricted },
    hidden,
  ],
  [
    'a resource in a resource',
    { name: 'r', types: ['Condition'] },
    holding({ resourceType: 'Basic', contained: [condition] }),
    hidden,
  ],
  [
    'a Bundle',
    { name: 'r', types: ['Condition'] },
    holding({ resourceType: 'Bundle', entry: [{ resource: condition }] }),
    hidden,
  ],
  [
    'a list that is none',
    { name: 'r', types: ['Condition'] },
    { resourceType: 'Procedure', ...{ contained: condition } },
    hidden,
  ],
])('what contains %s', (_what, rule, resource, expected) => {
  expect(sees(resource, rule)).toEqual(expected);
});

test('an application that was approved for one of the purposes sees it all the same', () => {
  const rule: WithholdingRule = { name: 'r', types: ['Observation'], unlessPurpose: ['ETREAT', 'PATRQT'] };
  expect(sees({ resourceType: 'Observation' }, rule, ['TREAT'])).toEqual(hidden);
  expect(sees({ resourceType: 'Observation' }, rule, ['TREAT', 'PATRQT'])).toEqual(seen);
});

describe('what the request alone proves', () => {
  const rule: WithholdingRule = { name: 'r', types: ['Observation'], security: [`${confidentiality}|R`] };
  const reaches = { ...systemReaches, withheld: new Withholding([rule], []) };
  const decided = (path: string, query = '') =>
    decideInteraction(scopes, readRequest({ method: 'GET', path, query, headers: {} }), reaches);

  test('is nothing where something may be withheld: any type may contain it', () => {
    expect(decided('/Observation/o1')).toMatchObject({ outcome: 'allow', whole: false });
    expect(decided('/Condition/c1')).toMatchObject({ outcome: 'allow', whole: false });
  });

  test('a search that looks into what may be withheld, and does not show it, is refused', () => {
    expect(decided('/Patient', '_has:Observation:patient:code=75622-1')).toMatchObject({ outcome: 'deny' });
    expect(decided('/Patient', '_has:Condition:patient:code=1')).toMatchObject({ outcome: 'deny' });
  });

  test('is all of it for whom no rule holds', () => {
    const none = { ...systemReaches, withheld: new Withholding([{ ...rule, unlessPurpose: ['TREAT'] }], ['TREAT']) };
    const request = readRequest({ method: 'GET', path: '/Observation/o1', query: '', headers: {} });
    expect(decideInteraction(scopes, request, none)).toMatchObject({ outcome: 'allow', whole: true });
  });
});
