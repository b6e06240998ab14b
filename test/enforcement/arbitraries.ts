import fc from 'fast-check';
import { parseExactly } from '#smart';
import type { ModelResource, ModelRule, ModelScope, ModelToken } from './model.js';

const hl7 = 'http://terminology.hl7.org/CodeSystem/observation-category';
const oneOf = <const T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const to = (...references: string[]) => oneOf(...references).map((reference) => ({ reference }));
const some = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const listOf = <T>(of: fc.Arbitrary<T>, maxLength = 2) => fc.array(of, { maxLength });

const patient = to('Patient/p1', 'Patient/p1', 'Patient/p2', 'Patient/p3');
const subject = fc.oneof(
  { weight: 8, arbitrary: patient },
  to('Group/g', 'Device/device-0', '#contained', 'http://other.example/fhir/Patient/p1', 'urn:uuid:1'),
  fc.constant({ identifier: { value: 'p1' } }),
);
const performer = to('Practitioner/a', 'Practitioner/b', 'Organization/o', 'Patient/p1', 'Patient/p2');
const category = fc
  .record({ system: some(oneOf(hl7, 'urn:other')), code: oneOf('laboratory', 'survey') })
  .map((coding) => ({ coding: [clean(coding)] }));
/** Numbers of which JavaScript would write most with other digits than they have. */
const amounts = parseExactly('[1.5,1.50,0.0,-0,7e2,1e400,12345678901234567890,0.0000001]') as readonly unknown[];
const amount = fc.constantFrom(...amounts).map((value) => ({ value, unit: 'mg' }));
const code = oneOf('a', 'b').map((it) => ({ coding: [{ system: 'urn:codes', code: it }] }));

/** What stands in a resource and nowhere else. */
const contained = some(
  fc.array(
    fc
      .oneof(
        fc.record({ resourceType: oneOf('Condition', 'Observation'), code: some(code), subject: some(patient) }),
        patient.map((resource) => ({ resourceType: 'Linkage', item: [{ type: 'source', resource }] })),
      )
      .map((it) => clean({ id: 'inner', ...it })),
    { minLength: 1, maxLength: 2 },
  ),
);

/** What a resource of each type may look like; ids are given afterwards. */
const shapes = {
  Patient: fc.record({ active: fc.boolean() }),
  Practitioner: fc.record({ active: fc.boolean() }),
  Observation: fc.record({
    status: oneOf('final', 'amended'),
    code,
    category: listOf(category),
    subject: some(subject),
    performer: some(listOf(performer)),
    hasMember: some(listOf(to('Observation/observation-0', 'Observation/observation-1'), 1)),
    encounter: some(to('Encounter/encounter-0')),
    valueQuantity: some(amount),
    contained,
  }),
  Condition: fc.record({ code, category: listOf(category), subject, asserter: some(performer), contained }),
  Account: fc.record({ status: oneOf('active'), subject: listOf(patient) }),
  Encounter: fc.record({ status: oneOf('finished', 'planned'), subject: some(subject) }),
  MedicationRequest: fc.record({
    status: oneOf('active', 'stopped'),
    subject,
    requester: some(performer),
    medicationReference: to('Medication/medication-0', 'Medication/medication-1'),
  }),
  Medication: fc.record({ status: oneOf('active', 'inactive'), contained }),
  QuestionnaireResponse: fc.record({ status: oneOf('completed'), subject: some(subject), author: some(performer) }),
  Coverage: fc.record({ status: oneOf('active'), beneficiary: patient, subscriber: some(patient) }),
  Device: fc.record({ status: oneOf('active'), patient: some(subject) }),
  Slot: fc.record({ status: oneOf('free') }),
  Linkage: fc.record({ item: fc.tuple(fc.record({ type: oneOf('source'), resource: patient })), contained }),
  DocumentReference: fc.record({
    status: oneOf('current'),
    subject: some(subject),
    author: some(listOf(performer)),
    content: some(
      listOf(
        oneOf(
          'Binary/binary-0',
          'Binary/binary-1',
          'https://gatehouse.example.org/fhir/Binary/binary-1',
          'Binary/binary-0/_history/1',
          'http://other.example/fhir/Binary/binary-0',
        ).map((url) => ({ attachment: { url } })),
      ),
    ),
  }),
  Binary: fc.record({
    contentType: oneOf('text/plain'),
    securityContext: some(to('DocumentReference/documentreference-0', 'Patient/p1')),
  }),
  Provenance: fc.record({
    target: fc.array(
      to(
        'Observation/observation-0',
        'Observation/observation-1',
        'Patient/p1',
        'Condition/condition-0',
        'Observation/none',
      ),
      {
        minLength: 1,
        maxLength: 2,
      },
    ),
  }),
} as const satisfies Record<string, fc.Arbitrary<object>>;

type ShapedType = keyof typeof shapes;
const isShaped = (name: string): name is ShapedType => name in shapes;
/** All types that are drawn from. */
export const types = Object.keys(shapes).filter(isShaped);

/** Most data has those whom it is about. */
const people = [
  { resourceType: 'Patient', elements: {} },
  { resourceType: 'Patient', elements: {} },
  { resourceType: 'Practitioner', elements: {} },
  { resourceType: 'Encounter', elements: { status: 'finished', subject: { reference: 'Patient/p2' } } },
];

/** Data of three patients. The first few ids of a type are named by others. */
export const anyData: fc.Arbitrary<readonly ModelResource[]> = fc
  .array(
    oneOf(...types, 'Observation', 'Observation', 'Observation', 'Provenance').chain((resourceType) =>
      shapes[resourceType].map((elements) => ({ resourceType, elements })),
    ),
    { minLength: 1, maxLength: 24 },
  )
  .chain((drawn) => fc.subarray(people).map((there) => [...there, ...drawn]))
  .map((drawn) => {
    const numbers = new Map<string, number>();
    return drawn.flatMap(({ resourceType, elements }): ModelResource[] => {
      const number = numbers.get(resourceType) ?? 0;
      numbers.set(resourceType, number + 1);
      const id = idOf(resourceType, number);
      return id === undefined ? [] : [{ resourceType, id, ...clean(elements) }];
    });
  });

function idOf(type: string, number: number): string | undefined {
  if (type === 'Patient') return ['p1', 'p2', 'p3'][number];
  if (type === 'Practitioner') return ['a', 'b'][number];
  return `${type.toLowerCase()}-${number}`;
}

/** As JSON has it: nothing that is undefined, no empty list. */
function clean(value: object): object {
  return Object.fromEntries(
    Object.entries(value).filter(([, it]) => it !== undefined && !(Array.isArray(it) && it.length === 0)),
  );
}

const conditions = fc.constantFrom<readonly { name: string; value: string }[]>(
  [],
  [],
  [],
  [{ name: 'category', value: 'laboratory' }],
  [{ name: 'category', value: `${hl7}|laboratory` }],
  [{ name: 'category', value: 'survey,laboratory' }],
  [{ name: 'category', value: '|survey' }],
);

const anyScope: fc.Arbitrary<ModelScope> = fc
  .record({
    context: oneOf('patient', 'patient', 'user', 'system'),
    type: oneOf('*', 'Observation', 'Observation', ...types),
    letters: oneOf('rs', 'rs', 'r', 's', 'cud'),
    conditions,
  })
  .map((scope) => ({
    ...scope,
    conditions: ['Observation', 'Condition'].includes(scope.type) ? scope.conditions : [],
  }));

const oddToken: fc.Arbitrary<ModelToken> = fc
  .record({
    scopes: fc.uniqueArray(anyScope, { minLength: 1, maxLength: 4, selector: writeScope }),
    patient: some(oneOf('p1', 'p1', 'p2')),
    fhirUser: some(oneOf('Patient/p1', 'Patient/p1', 'Patient/p2', 'Practitioner/a', 'Device/d')),
  })
  .map((token) => clean(token) as ModelToken);

/** What most apps have: a patient's own data, or all of it, and something besides. */
const usualToken: fc.Arbitrary<ModelToken> = fc
  .record({
    context: oneOf('patient', 'patient', 'user'),
    type: oneOf('*', '*', 'Observation'),
    conditions,
    besides: listOf(anyScope),
  })
  .map(({ context, type, conditions: some, besides }) => {
    const first: ModelScope = { context, type, letters: 'rs', conditions: type === '*' ? [] : some };
    const scopes = [first, ...besides].filter(
      (it, index, all) => index === all.findIndex((other) => writeScope(other) === writeScope(it)),
    );
    return { scopes, patient: 'p1', fhirUser: 'Patient/p1' };
  });

export const anyToken: fc.Arbitrary<ModelToken> = fc.oneof({ weight: 2, arbitrary: usualToken }, oddToken);

export function writeScope({ context, type, letters, conditions: all }: ModelScope): string {
  const query = all.map(({ name, value }) => `${name}=${encodeURIComponent(value)}`).join('&');
  return `${context}/${type}.${letters}${query === '' ? '' : `?${query}`}`;
}

/** What may be withheld at an endpoint. */
export const someRules: readonly (readonly ModelRule[])[] = [
  [{ patients: ['p2'] }],
  [{ types: ['Condition'], codes: ['urn:codes|b'] }],
  [{ types: ['Linkage', 'Slot'] }, { codes: ['urn:codes|a'], patients: ['p1', 'p3'] }],
];

/** What is asked, and what of other types it shows or tells. */
export interface ModelRequest {
  readonly kind: 'read' | 'search';
  readonly type: string;
  readonly id?: string;
  readonly params: readonly (readonly [string, string])[];
  readonly post?: boolean;
  readonly needs: readonly { readonly type: string; readonly letter: 'r' | 's'; readonly all?: boolean }[];
}

type Extra = Pick<ModelRequest, 'params' | 'needs'>;
const extra = (query: string, ...needs: Extra['needs']): Extra => ({
  params:
    query === ''
      ? []
      : query.split('&').map((it) => [it.slice(0, it.indexOf('=')), it.slice(it.indexOf('=') + 1)] as const),
  needs,
});

const extras: Readonly<Record<string, readonly Extra[]>> = {
  Observation: [
    extra('_include=Observation:performer:Practitioner', { type: 'Practitioner', letter: 'r' }),
    extra('_include=Observation:performer:Patient', { type: 'Patient', letter: 'r' }),
    extra('_include=Observation:patient', { type: 'Patient', letter: 'r' }),
    extra('_include=Observation:has-member:Observation', { type: 'Observation', letter: 'r' }),
    extra('_include=Observation:encounter:Encounter', { type: 'Encounter', letter: 'r' }),
    extra('_revinclude=Provenance:target', { type: 'Provenance', letter: 's' }),
    extra('patient=p1'),
    extra('patient=Patient/p2'),
    extra('patient=p1,p2'),
    extra('patient:missing=false'),
    extra('subject=Patient/p1&category=laboratory'),
    extra('category=laboratory,survey&status=final'),
    extra('code=urn:codes|a'),
    extra(
      'encounter.status=finished',
      { type: 'Encounter', letter: 's', all: true },
      { type: 'EpisodeOfCare', letter: 's', all: true },
    ),
    extra('encounter:Encounter.status=finished', { type: 'Encounter', letter: 's', all: true }),
    extra('performer:Practitioner.active=true', { type: 'Practitioner', letter: 's', all: true }),
  ],
  MedicationRequest: [
    extra('_include=MedicationRequest:medication', { type: 'Medication', letter: 'r' }),
    extra('patient=p1&_include=MedicationRequest:requester:Practitioner', { type: 'Practitioner', letter: 'r' }),
  ],
  Patient: [
    extra('_has:Observation:patient:code=a', { type: 'Observation', letter: 's', all: true }),
    extra('_revinclude=Observation:patient', { type: 'Observation', letter: 's' }),
    extra('_id=p1,p2'),
  ],
  Provenance: [extra('target=Observation/observation-0'), extra('target=Observation/observation-0,Patient/p1')],
};

const observationSearch: fc.Arbitrary<ModelRequest> = oneOf(...(extras['Observation'] ?? [])).map((more) => ({
  kind: 'search',
  type: 'Observation',
  ...more,
}));

const oddRequest: fc.Arbitrary<ModelRequest> = oneOf(
  ...types,
  'Observation',
  'Observation',
  'Observation',
  'Patient',
  'Provenance',
).chain((type) =>
  fc.oneof(
    fc.nat(2).map((number): ModelRequest => ({
      kind: 'read',
      type,
      id: idOf(type, number) ?? 'none',
      params: [],
      needs: [],
    })),
    fc
      .record({
        more: oneOf(extra(''), ...(extras[type] ?? [])),
        controls: oneOf(
          '',
          '',
          '_count=2',
          '_count=1',
          '_total=accurate&_count=2',
          '_summary=count',
          '_count=0',
          '_total=none',
        ),
        post: fc.boolean(),
      })
      .map(({ more, controls, post }): ModelRequest => ({
        kind: 'search',
        type,
        params: [...more.params, ...extra(controls).params],
        needs: more.needs,
        post,
      })),
  ),
);

export const anyRequest = fc.oneof({ weight: 2, arbitrary: oddRequest }, observationSearch);

/** Something to be written. */
export interface ModelWrite {
  readonly kind: 'create' | 'update' | 'patch' | 'delete';
  readonly type: string;
  /** Of what is written, unless a condition says which. */
  readonly id: string;
  /** `name=value`: a conditional form. */
  readonly condition?: { readonly name: string; readonly value: string };
  /** Without an id. */
  readonly body: Omit<ModelResource, 'id'>;
  /** What a patch sets. */
  readonly patched: readonly [element: string, value: unknown];
}

const conditionsOn: Readonly<Record<string, readonly { readonly name: string; readonly value: string }[]>> = {
  Observation: [
    { name: 'status', value: 'final' },
    { name: 'code', value: 'urn:codes|a' },
    { name: 'category', value: 'laboratory' },
  ],
  Condition: [{ name: 'code', value: 'a,b' }],
};

export const anyWrite: fc.Arbitrary<ModelWrite> = oneOf(
  ...types,
  'Observation',
  'Observation',
  'Condition',
  'Patient',
).chain((type) =>
  fc
    .record({
      kind: oneOf('create', 'update', 'update', 'patch', 'delete'),
      number: fc.nat(2),
      elements: isShaped(type) ? (shapes[type] as fc.Arbitrary<object>) : fc.constant({}),
      condition: oneOf(
        ...[undefined, undefined, undefined, ...(conditionsOn[type] ?? [])],
        { name: '_id', value: idOf(type, 0) ?? 'none' },
        { name: '_id', value: [0, 1].map((it) => idOf(type, it) ?? 'none').join(',') },
      ),
      patched: fc.oneof(
        subject.map((it) => ['subject', it] as const),
        fc.constant(['language', 'en'] as const),
      ),
    })
    .map(({ kind, number, elements, condition, patched }) => ({
      kind,
      type,
      id: idOf(type, number) ?? 'none',
      body: { resourceType: type, ...clean(elements) },
      patched,
      ...(condition === undefined ? {} : { condition }),
    })),
);

/** A token that may write some of it. */
export const anyWritingToken: fc.Arbitrary<ModelToken> = fc
  .tuple(anyToken, fc.array(oneOf('cruds', 'cruds', 'cud', 'ru', 'crs', 'ruds', 'ds'), { minLength: 5, maxLength: 5 }))
  .map(([token, letters]) => ({
    ...token,
    scopes: token.scopes
      .map((scope, index) => ({ ...scope, letters: letters[index] ?? 'cruds' }))
      .filter((it, index, all) => index === all.findIndex((other) => writeScope(other) === writeScope(it))),
  }));
