import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Unanswered } from '../ask-rights/unanswered.js';
import { Admissions } from './admissions.js';
import { ConsentRegister } from './consent-register.js';
import { FileRegister } from './file-register.js';
import { GroupRegister } from './group-register.js';
import type { PatientRegister } from './patient-register.js';

const base = 'https://payer.example/fhir';
const category = 'http://hl7.org/fhir/us/davinci-pdex/CodeSystem/consent-api-purpose|provider-access';
const [system, code] = category.split('|');
const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString();
const to = (reference: string) => ({ reference });

/** A server that gives what it is told to, and notes what it was asked. */
class Answers {
  readonly targets: string[] = [];
  constructor(public json: unknown) {}
  ask = async ({ target }: { readonly target: string }) => {
    this.targets.push(target);
    if (this.json === undefined) throw new Unanswered('away');
    return await Promise.resolve({ json: this.json, headers: {} });
  };
  unreadable = (why: string) => new Unanswered(why);
  close = async () => await Promise.resolve();
}

const saidOf = async (register: PatientRegister, patient = 'p1', client = 'clinic', purposes = ['TREAT']) =>
  (await register.says([patient, 'p9'], client, purposes)).get(patient) ?? 'nothing';

describe('who is a member of a Group', () => {
  const group = (member: unknown, more: object = {}) => ({ resourceType: 'Group', id: 'g1', member, ...more });
  const registerOf = (server: Answers, now = () => 0) =>
    new GroupRegister(server, { bases: [base], groups: { clinic: 'g1' }, heldMs: 1_000, meaning: 'permit' }, now);
  const p1 = { entity: to('Patient/p1') };

  test.each<[string, unknown, string]>([
    ['a member', [p1], 'permit'],
    ['a member by the server’s own URL', [{ entity: to(`${base}/Patient/p1`) }], 'permit'],
    ['a member until tomorrow', [{ ...p1, period: { start: day(-2), end: day(1) } }], 'permit'],
    [
      'a member again',
      [
        { ...p1, period: { end: day(-1) } },
        { ...p1, period: { start: day(-1) } },
      ],
      'permit',
    ],
    ['a member until yesterday', [{ ...p1, period: { end: day(-1) } }], 'nothing'],
    ['a member from tomorrow', [{ ...p1, period: { start: day(1) } }], 'nothing'],
    ['a member at no time that can be read', [{ ...p1, period: { start: 'soon' } }], 'nothing'],
    ['no member any more', [{ ...p1, inactive: true }], 'nothing'],
    ['no member, perhaps', [{ ...p1, inactive: 'false' }], 'nothing'],
    ['a member under a modifier', [{ ...p1, modifierExtension: [{ url: 'urn:x' }] }], 'nothing'],
    ['another server’s', [{ entity: to('https://other.example/fhir/Patient/p1') }], 'nothing'],
    ['another type', [{ entity: to('Practitioner/p1') }], 'nothing'],
    ['somebody else', [{ entity: to('Patient/p11') }], 'nothing'],
    ['nobody', undefined, 'nothing'],
  ])('%s', async (_who, member, expected) => {
    expect(await saidOf(registerOf(new Answers(group(member))))).toBe(expected);
  });

  describe('where its members objected', () => {
    const objections = (server: Answers, groups: Record<string, string>) =>
      new GroupRegister(server, { bases: [base], groups, heldMs: 1_000, meaning: 'deny' });

    test('one for all holds for every client, beside its own', async () => {
      const server = new Answers(group([p1]));
      expect(await saidOf(objections(server, { '*': 'g1' }), 'p1', 'anybody')).toBe('deny');
      expect(await saidOf(objections(server, { clinic: 'g1', '*': 'g1' }))).toBe('deny');
      server.ask = async ({ target }) =>
        await Promise.resolve({
          json: { ...group(target.endsWith('g1') ? [p1] : []), id: target.slice(7) },
          headers: {},
        });
      expect(await saidOf(objections(server, { clinic: 'g2', '*': 'g1' }))).toBe('deny');
      expect(await saidOf(objections(server, { clinic: 'g2', '*': 'g3' }))).toBe('nothing');
    });

    test('a client without one is not answered', async () => {
      const register = objections(new Answers(group([])), { clinic: 'g1' });
      await expect(saidOf(register, 'p1', 'other')).rejects.toThrow(Unanswered);
      await expect(saidOf(register, 'p1', 'constructor')).rejects.toThrow(Unanswered);
    });

    test.each<[string, unknown, object?]>([
      ['a member at no time that can be read', [{ ...p1, period: { start: 'soon' } }]],
      ['a member who is perhaps none', [{ ...p1, inactive: 'false' }]],
      ['another server’s', [{ entity: to('https://other.example/fhir/Patient/p1') }]],
      ['one by an identifier', [{ entity: { identifier: { value: '1' } } }]],
      ['a Group of others', [{ entity: to('Group/g2') }]],
      ['a member under a modifier', [{ ...p1, modifierExtension: [{ url: 'urn:x', valueBoolean: true }] }]],
      ['no member at all', ['Patient/p1']],
      ['a Group that is not in use', [p1], { active: false }],
      ['a Group under a modifier', [p1], { modifierExtension: [{ url: 'urn:x', valueBoolean: true }] }],
    ])('%s is no answer', async (_what, member, more = {}) => {
      const register = objections(new Answers(group(member, more)), { '*': 'g1' });
      await expect(saidOf(register)).rejects.toThrow(Unanswered);
    });

    test('who is none any more is left out', async () => {
      const gone = { entity: to('https://other.example/fhir/Patient/p1'), inactive: true };
      expect(await saidOf(objections(new Answers(group([gone, p1])), { '*': 'g1' }))).toBe('deny');
      expect(await saidOf(objections(new Answers(group([gone])), { '*': 'g1' }))).toBe('nothing');
    });
  });

  test('a client without a Group has nobody, and nobody is asked', async () => {
    const server = new Answers(group([p1]));
    expect(await saidOf(registerOf(server), 'p1', 'constructor')).toBe('nothing');
    expect(server.targets).toEqual([]);
  });

  test('a Group that is not in use has nobody', async () => {
    expect(await saidOf(registerOf(new Answers(group([p1], { active: false }))))).toBe('nothing');
  });

  test.each<[string, unknown]>([
    ['another Group', { ...group([p1]), id: 'g2' }],
    ['a Bundle', { resourceType: 'Bundle', entry: [{ resource: group([p1]) }] }],
    ['members that are no list', group({ p1 })],
    ['nothing', undefined],
  ])('%s is no answer', async (_what, json) => {
    await expect(saidOf(registerOf(new Answers(json)))).rejects.toThrow(Unanswered);
  });

  test('it is held for a while, and nobody is in one that cannot be read anew', async () => {
    const server = new Answers(group([p1]));
    let now = 0;
    const register = registerOf(server, () => now);
    expect([await saidOf(register), await saidOf(register)]).toEqual(['permit', 'permit']);
    expect(server.targets).toEqual(['/Group/g1']);
    now = 1_001;
    server.json = undefined;
    await expect(saidOf(register)).rejects.toThrow(Unanswered);
    server.json = group([]);
    expect(await saidOf(register)).toBe('nothing');
  });
});

describe('what a patient agreed to', () => {
  const consent = (type: string, more: object = {}, provision: object = {}) => ({
    resourceType: 'Consent',
    status: 'active',
    category: [{ coding: [{ system, code }] }],
    patient: to('Patient/p1'),
    provision: { type, ...provision },
    ...more,
  });
  const bundle = (...resources: object[]) => ({
    resourceType: 'Bundle',
    entry: resources.map((resource) => ({ resource })),
  });
  const registerOf = (server: Answers, actors?: Record<string, string>) =>
    new ConsentRegister(server, { bases: [base], category, needs: 'permit', ...(actors ? { actors } : {}) });
  const objections = (server: Answers) => new ConsentRegister(server, { bases: [base], category, needs: 'no-deny' });
  const modified = { modifierExtension: [{ url: 'urn:x', valueBoolean: true }] };
  const purpose = (...codes: string[]) => ({
    purpose: codes.map((it) => ({ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: it })),
  });
  const action = (...codes: string[]) => ({
    action: codes.map((it) => ({
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentaction', code: it }],
    })),
  });

  test.each<[string, object[], string]>([
    ['nothing is there', [], 'nothing'],
    ['a permission', [consent('permit')], 'permit'],
    ['an objection', [consent('deny')], 'deny'],
    ['both: the objection outweighs', [consent('deny'), consent('permit')], 'deny'],
    ['both, the other way round', [consent('permit'), consent('deny')], 'deny'],
    ['one that says not which', [consent('permit', { provision: undefined })], 'deny'],
    ['of a type that there is not', [consent('allow')], 'deny'],
    ['a permission that has ended', [consent('permit', {}, { period: { end: day(-1) } })], 'nothing'],
    ['an objection that has ended', [consent('deny', {}, { period: { end: day(-1) } })], 'nothing'],
    ['at a time that cannot be read', [consent('permit', {}, { period: { end: 'later' } })], 'deny'],
    ['a permission for a part', [consent('permit', {}, { class: [{ code: 'Observation' }] })], 'nothing'],
    ['a permission with exceptions', [consent('permit', {}, { provision: [{ type: 'deny' }] })], 'nothing'],
    ['a permission for its purpose', [consent('permit', {}, purpose('HPAYMT', 'TREAT'))], 'permit'],
    ['a permission for another purpose', [consent('permit', {}, purpose('HPAYMT'))], 'nothing'],
    [
      'a permission for a purpose of another list',
      [consent('permit', {}, { purpose: [{ code: 'TREAT' }] })],
      'nothing',
    ],
    ['a permission for purposes that are no list', [consent('permit', {}, { purpose: { code: 'TREAT' } })], 'nothing'],
    ['a permission to disclose', [consent('permit', {}, action('collect', 'disclose'))], 'permit'],
    ['a permission to give access', [consent('permit', {}, action('access'))], 'permit'],
    ['a permission to collect alone', [consent('permit', {}, action('collect'))], 'nothing'],
    ['a permission under a modifier', [consent('permit', modified)], 'nothing'],
    ['a permission whose rule is under a modifier', [consent('permit', {}, modified)], 'nothing'],
    ['an objection under a modifier', [consent('deny', modified)], 'deny'],
    ['an objection to a part', [consent('deny', {}, { class: [{ code: 'Observation' }] })], 'deny'],
    ['a draft', [consent('permit', { status: 'draft' })], 'nothing'],
    ['of another category', [consent('permit', { category: [{ coding: [{ system, code: 'x' }] }] })], 'nothing'],
    [
      'of somebody else, from a server that drops parameters',
      [consent('permit', { patient: to('Patient/p2') })],
      'nothing',
    ],
    ['another server’s', [consent('permit', { patient: to('https://other.example/Patient/p1') })], 'nothing'],
    ['what is no Consent', [{ ...consent('permit'), resourceType: 'Contract' }], 'nothing'],
  ])('%s', async (_what, resources, expected) => {
    const server = new Answers(bundle(...resources));
    expect(await saidOf(registerOf(server))).toBe(expected);
    expect(new URLSearchParams(server.targets[0]?.split('?')[1]).get('patient')).toBe('Patient/p1,Patient/p9');
  });

  test.each<[string, object[], string]>([
    ['a permission', [consent('permit')], 'permit'],
    ['a permission for a part', [consent('permit', {}, { class: [{ code: 'Observation' }] })], 'nothing'],
    ['a permission with exceptions', [consent('permit', {}, { provision: [{ type: 'deny' }] })], 'deny'],
    [
      'exceptions deeper',
      [consent('permit', {}, { provision: [{ type: 'permit', provision: [{ type: 'deny' }] }] })],
      'deny',
    ],
    ['rules within that allow', [consent('permit', {}, { provision: [{ type: 'permit' }] })], 'nothing'],
    ['rules within that say not which', [consent('permit', {}, { provision: [{}] })], 'deny'],
    [
      'rules within under a modifier',
      [consent('permit', {}, { provision: [{ type: 'permit', ...modified }] })],
      'deny',
    ],
    ['rules within that are no list', [consent('permit', {}, { provision: { type: 'permit' } })], 'deny'],
    ['a permission under a modifier', [consent('permit', modified)], 'deny'],
    ['a permission whose rule is under a modifier', [consent('permit', {}, modified)], 'deny'],
    ['under a modifier, of another category', [consent('permit', { ...modified, category: [] })], 'nothing'],
    ['an objection to one purpose', [consent('deny', {}, purpose('HMARKT'))], 'deny'],
    ['the end of an objection of a stranger', [consent('deny', { patient: {}, status: 'inactive' })], 'nothing'],
    ['a permission of a stranger', [consent('permit', { patient: to('https://other.example/Patient/p1') })], 'nothing'],
  ])('where objections are asked for: %s', async (_what, resources, expected) => {
    expect(await saidOf(objections(new Answers(bundle(...resources))))).toBe(expected);
  });

  test.each<[string, unknown]>([
    ['on another server', to('https://other.example/Patient/p1')],
    ['by an identifier', { identifier: { value: '1' } }],
    ['whom it carries', to('#p')],
    ['who is none', to('Group/p1')],
    ['whom it leaves out', undefined],
  ])('an objection of a patient %s is no answer', async (_who, patient) => {
    const register = objections(new Answers(bundle(consent('deny', { patient }))));
    await expect(saidOf(register)).rejects.toThrow(Unanswered);
  });

  test('a permission counts for whom it names', async () => {
    const actors = { payer: 'Organization/b' };
    const named = (reference: string) => consent('permit', {}, { actor: [{ reference: to(reference) }] });
    const said = async (resource: object, client: string) =>
      await saidOf(registerOf(new Answers(bundle(resource)), actors), 'p1', client);
    expect(await said(named('Organization/b'), 'payer')).toBe('permit');
    expect(await said(named('Organization/b'), 'other')).toBe('nothing');
    expect(await said(named('Organization/c'), 'payer')).toBe('nothing');
    expect(await said(consent('permit'), 'payer')).toBe('nothing');
    expect(await said(consent('deny'), 'payer')).toBe('deny');
  });

  test.each<[string, unknown]>([
    ['one more page', { ...bundle(consent('permit')), link: [{ relation: 'next', url: `${base}?page=2` }] }],
    ['an OperationOutcome', { resourceType: 'OperationOutcome' }],
    ['entries that are no list', { resourceType: 'Bundle', entry: {} }],
    ['nothing', undefined],
  ])('%s is no answer', async (_what, json) => {
    await expect(saidOf(registerOf(new Answers(json)))).rejects.toThrow(Unanswered);
  });
});

describe('a file, for development', () => {
  const folder = mkdtempSync(join(tmpdir(), 'register-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'patients.json');

  test('says who stands there for a client, and for all', async () => {
    writeFileSync(path, JSON.stringify({ clinic: ['p1'], '*': ['p2'] }));
    const register = new FileRegister(path, 'deny');
    expect([await saidOf(register), await saidOf(register, 'p2'), await saidOf(register, 'p1', 'other')]).toEqual([
      'deny',
      'deny',
      'nothing',
    ]);
  });

  test('that lists none stops the start', () => {
    writeFileSync(path, JSON.stringify(['p1']));
    expect(() => new FileRegister(path, 'permit')).toThrow('lists no patients');
  });
});

describe('of which applications it is asked', () => {
  const register: PatientRegister = {
    says: async () => await Promise.resolve(new Map()),
    close: async () => await Promise.resolve(),
  };
  const named = (purposes: string[], more: object) =>
    new Admissions([{ name: 'x', kind: 'opt-in', register, ...more }]).of('c', purposes).map(({ by }) => by);

  test.each<[string, string[], object, string[]]>([
    ['of all', [], {}, ['x']],
    ['of those with the purpose', ['TREAT', 'PATRQT'], { purposes: ['TREAT'] }, ['x']],
    ['not of others', ['PATRQT'], { purposes: ['TREAT'] }, []],
    ['not of those that have another purpose alone', ['PATRQT'], { exceptPurposes: ['PATRQT'] }, []],
    ['of those that have one more', ['PATRQT', 'HMARKT'], { exceptPurposes: ['PATRQT'] }, ['x']],
    ['of those that have none', [], { exceptPurposes: ['PATRQT'] }, ['x']],
  ])('%s', (_which, purposes, more, expected) => {
    expect(named(purposes, more)).toEqual(expected);
  });
});
