import {
  mintId,
  type CommandMeta,
  type Decision,
  type Recorded,
  type RegistrationCommand,
  type RegistrationEvent,
} from '#contracts';
import fc from 'fast-check';
import { registrationDecider } from './application.decider.js';
import type { ApplicationView } from './domain/application-view.js';
import type { Application } from './domain/application.js';

const id = mintId(3);
const owner = 'owner';
const key = (kid: string) => ({ kid, thumbprint: `thumb-${kid}`, jwk: { kty: 'EC', crv: 'P-384', kid } });
const reviewed = {
  name: 'Heart Diary',
  kind: 'patient-access',
  clientType: 'confidential-asymmetric',
  scopes: ['launch/patient', 'patient/Observation.rs', 'patient/Patient.r'],
  purposesOfUse: [{ code: 'PATRQT', justification: 'Patients see their own data.' }],
  redirectUris: ['https://heart.example.org/callback'],
  allowedOrigins: [],
  termsUri: 'https://heart.example.org/terms',
} as const;
const other = { description: 'A diary.', attestations: [], documents: [] };

type Reviewed = Extract<RegistrationCommand, { type: 'register-application' }>['data']['reviewed'];

function registration(change: Partial<Reviewed> = {}, keys = [key('k1')], submit = false): RegistrationCommand {
  const declared = { ...structuredClone(reviewed), ...change } as Reviewed;
  return {
    type: 'register-application',
    data: { clientId: mintId(3), ownerId: owner, reviewed: declared, other, keys, submit },
  };
}

/** An application that was told some commands, each of which must have been accepted. */
class Given {
  constructor(
    readonly state?: Application,
    readonly version = 0,
    readonly last: readonly RegistrationEvent[] = [],
  ) {}

  decide(command: RegistrationCommand, actor = owner): Decision<RegistrationEvent> {
    const meta: CommandMeta = {
      id: 'c',
      subject: id,
      actor,
      time: '2026-03-01T00:00:00Z',
      deadline: '2026-03-01T00:01:00Z',
      bodyDigest: 'd',
      correlationId: 'x',
      causationId: 'x',
    };
    return registrationDecider.decide(this.state, { ...command, meta });
  }

  when(command: RegistrationCommand, actor = owner): Given {
    const decision = this.decide(command, actor);
    if (decision.kind === 'refused') throw new Error(`${command.type}: ${decision.refusal.detail}`);
    return decision.events.reduce(
      (given, event) =>
        new Given(registrationDecider.evolve(given.state, given.record(event)), given.version + 1, decision.events),
      new Given(this.state, this.version, decision.events),
    );
  }

  private record(event: RegistrationEvent): Recorded<RegistrationEvent> {
    const at = `2026-03-01T00:00:${String(this.version).padStart(2, '0')}Z`;
    const meta = { id: mintId(3), subject: id, time: at, actor: owner, correlationId: 'x', causationId: 'x' };
    return { ...event, meta: { ...meta, version: this.version + 1, commandOffset: 1n } };
  }

  get view(): ApplicationView {
    if (!this.state) throw new Error('there is no application');
    return registrationDecider.view(this.state, this.version) as ApplicationView;
  }

  get types(): readonly string[] {
    return this.last.map(({ type }) => type);
  }
}

const refusalOf = (decision: Decision<RegistrationEvent>) => {
  if (decision.kind === 'accepted') throw new Error(`accepted with ${decision.events.length} events`);
  return decision.refusal;
};
const pointersOf = (decision: Decision<RegistrationEvent>) => refusalOf(decision).errors?.map(({ pointer }) => pointer);
const approve = (submission = 1, approvalVersion = 1, expired = false): RegistrationCommand => ({
  type: 'apply-approval',
  data: { approvalVersion, submission, scopes: ['patient/Patient.r'], expiresAt: '2027-03-01T00:00:00Z', expired },
});
const verdict = (
  of: 'approved' | 'rejected' | 'changes-requested',
  submission = 1,
  reviewId = mintId(3),
): RegistrationCommand => ({
  type: 'apply-review',
  data: { reviewId, submission, verdict: of, reason: 'seen' },
});
const because = (
  type: 'suspend-application' | 'reinstate-application' | 'revoke-application',
): RegistrationCommand => ({
  type,
  data: { reason: 'because' },
});
const change = (reviewedChange: Partial<Reviewed>, removed: string[] = [], otherChange = {}): RegistrationCommand => ({
  type: 'change-application',
  data: { reviewed: reviewedChange, other: otherChange, removed },
});

const compromised = (kid: string): RegistrationCommand => ({
  type: 'change-keys',
  data: { remove: { kid, compromised: true } },
});

const draft = new Given().when(registration());
const submitted = draft.when({ type: 'submit-application', data: {} });
const active = submitted.when(approve(), 'system:approval');
const suspended = active.when(because('suspend-application'), 'operator');
const revoked = active.when(because('revoke-application'), 'operator');

describe('registering', () => {
  it('begins as a draft, with nothing approved', () => {
    expect(draft.view).toMatchObject({
      id,
      version: 1,
      status: 'draft',
      approvedScopes: [],
      requestedScopes: reviewed.scopes,
    });
  });

  it('submits in the same command when asked', () => {
    const both = new Given().when(registration({}, [key('k1')], true));
    expect(both.types).toEqual(['application-registered', 'application-submitted']);
    expect(both.view).toMatchObject({ version: 2, status: 'submitted', submission: { number: 1, status: 'open' } });
  });

  it('tells every fault at once, by pointer and position', () => {
    const refusal = refusalOf(
      new Given().decide(
        registration({
          name: 'H\u0435art',
          scopes: ['patient/Observation.rs', 'patient/Observation.sr'],
          purposesOfUse: [{ code: 'FUN', justification: 'x' }],
          redirectUris: ['http://heart.example.org/'],
          logoUri: 'http://heart.example.org/logo.png',
        }),
      ),
    );
    expect(refusal).toMatchObject({ status: 422, type: 'metadata-refused' });
    expect(refusal.errors?.map(({ pointer }) => pointer)).toEqual([
      '/name',
      '/scopes/1',
      '/purposesOfUse/0/code',
      '/redirectUris/0',
      '/logoUri',
    ]);
    expect(refusal.errors?.[1]?.detail).toMatch(/^at character 21: expected c, r, u, d, s/);
  });

  it.each<[string, Partial<Reviewed>, number, string[]]>([
    ['neither keys nor their URL', {}, 0, ['/jwks']],
    ['both keys and their URL', { jwksUri: 'https://heart.example.org/jwks' }, 1, ['/jwksUri']],
    ['keys of a public client', { clientType: 'public' }, 1, ['/jwks']],
    ['no redirect URI', { redirectUris: [] }, 1, ['/redirectUris']],
    ['no scope', { scopes: [] }, 1, ['/scopes']],
    ['system scopes of an app for patients', { scopes: ['system/Patient.r'] }, 1, ['/scopes/0']],
    [
      'a backend service with a user',
      { kind: 'backend', redirectUris: [] },
      1,
      ['/scopes/0', '/scopes/1', '/scopes/2'],
    ],
    [
      'a backend service with a secret',
      { kind: 'backend', redirectUris: [], scopes: ['system/Patient.r'], clientType: 'confidential-symmetric' },
      0,
      ['/clientType'],
    ],
    [
      'the same redirect URI twice',
      { redirectUris: [...reviewed.redirectUris, ...reviewed.redirectUris] },
      1,
      ['/redirectUris/1'],
    ],
  ])('refuses %s', (_what, metadata, keys, pointers) => {
    const given = keys === 0 ? [] : [key('k1')];
    expect(pointersOf(new Given().decide(registration(metadata, given)))).toEqual(pointers);
  });

  it('refuses two keys with one kid', () => {
    expect(pointersOf(new Given().decide(registration({}, [key('k1'), key('k1')])))).toEqual(['/jwks/keys/1']);
  });
});

describe('ownership', () => {
  it.each<RegistrationCommand>([
    { type: 'submit-application', data: {} },
    { type: 'withdraw-application', data: {} },
    change({ name: 'Mine now' }),
    { type: 'change-keys', data: { add: key('k9') } },
    {
      type: 'issue-secret',
      data: { secret: { id: mintId(3), sha256: 'a'.repeat(64), expiresAt: '2027-01-01T00:00:00Z' } },
    },
    { type: 'transfer-ownership', data: { ownerId: 'thief' } },
  ])('hides the application from another developer: $type', (command) => {
    expect(refusalOf(submitted.decide(command, 'another'))).toEqual(refusalOf(new Given().decide(command, 'another')));
    expect(refusalOf(submitted.decide(command, 'another')).status).toBe(404);
  });

  it('passes on, once', () => {
    const passed = draft.when({ type: 'transfer-ownership', data: { ownerId: 'heir' } });
    expect(passed.view.ownerId).toBe('heir');
    expect(refusalOf(passed.decide({ type: 'submit-application', data: {} })).status).toBe(404);
    expect(passed.when({ type: 'transfer-ownership', data: { ownerId: 'heir' } }, 'heir').types).toEqual([]);
  });
});

describe('the way to an approval', () => {
  it('submits, withdraws and submits again under the next number', () => {
    expect(refusalOf(submitted.decide({ type: 'submit-application', data: {} }))).toMatchObject({ status: 409 });
    const again = submitted.when({ type: 'withdraw-application', data: {} });
    expect(again.view.status).toBe('withdrawn');
    expect(refusalOf(again.decide({ type: 'withdraw-application', data: {} }))).toMatchObject({ status: 409 });
    expect(again.when({ type: 'submit-application', data: {} }).view.submission).toEqual({ number: 2, status: 'open' });
  });

  it.each(['rejected', 'changes-requested'] as const)('takes note of %s, once, and may be submitted again', (of) => {
    const command = verdict(of);
    const noted = submitted.when(command, 'system:approval');
    expect(noted.view).toMatchObject({ status: of, review: { verdict: of, reason: 'seen' } });
    expect(noted.when(command, 'system:approval').types).toEqual([]);
    expect(noted.when({ type: 'submit-application', data: {} }).view.status).toBe('submitted');
  });

  it('takes no note of a review of an earlier submission', () => {
    const again = submitted
      .when({ type: 'withdraw-application', data: {} })
      .when({ type: 'submit-application', data: {} });
    expect(again.when(verdict('rejected', 1), 'system:approval').types).toEqual([]);
  });

  it('is active by the approval alone, whichever of the two comes first', () => {
    const command = verdict('approved');
    const [reviewFirst, approvalFirst] = [
      submitted.when(command, 'system:a').when(approve(), 'system:b'),
      submitted.when(approve(), 'system:b').when(command, 'system:a'),
    ];
    expect(submitted.when(command, 'system:a').view.status).toBe('submitted');
    expect(reviewFirst.view).toEqual(approvalFirst.view);
    expect(reviewFirst.view).toMatchObject({
      status: 'active',
      approvedScopes: ['patient/Patient.r'],
      approvalVersion: 1,
      approvalExpiresAt: '2027-03-01T00:00:00Z',
    });
  });

  it('applies an approval once, a later one after it, an earlier one never', () => {
    expect(active.when(approve(), 'system:a').types).toEqual([]);
    const narrowed = active.when(approve(1, 2), 'system:a');
    expect(narrowed.view.approvalVersion).toBe(2);
    expect(narrowed.when(approve(1, 1), 'system:a').types).toEqual([]);
    expect(narrowed.when(approve(1, 1, true), 'system:a').types).toEqual([]);
  });

  it('expires, once, and opens again with a new approval', () => {
    const expired = active.when(approve(1, 1, true), 'system:a');
    expect(expired.view).toMatchObject({ status: 'expired', approvedScopes: [] });
    expect(expired.when(approve(1, 1, true), 'system:a').types).toEqual([]);
    const renewed = expired.when({ type: 'submit-application', data: {} });
    expect(renewed.view.status).toBe('submitted');
    expect(renewed.when(approve(2, 2), 'system:a').view.status).toBe('active');
  });

  it('refuses an approval of a submission that never was', () => {
    expect(refusalOf(submitted.decide(approve(7), 'system:a')).status).toBe(409);
  });
});

describe('changing', () => {
  it('changes a draft at once', () => {
    const changed = draft.when(change({ name: 'Heart Book' }));
    expect(changed.last).toEqual([
      {
        type: 'application-changed',
        data: { reviewed: { name: 'Heart Book' }, other: {}, removed: [], pending: false },
      },
    ]);
    expect(changed.view).toMatchObject({ name: 'Heart Book', status: 'draft' });
  });

  it('submits an approved application again, and the old metadata stays until the new is approved', () => {
    const scopes = ['patient/Patient.r', 'patient/Condition.rs'];
    const changed = active.when(change({ name: 'Heart Book', scopes }, ['termsUri'], { description: 'A book.' }));
    expect(changed.types).toEqual(['application-changed', 'application-submitted']);
    expect(changed.view).toMatchObject({
      status: 'active',
      name: 'Heart Diary',
      termsUri: reviewed.termsUri,
      description: 'A book.',
      requestedScopes: scopes,
      approvedScopes: ['patient/Patient.r'],
      pending: { name: 'Heart Book', scopes, removed: ['termsUri'] },
      submission: { number: 2, status: 'open' },
    });
    const rejected = changed.when(verdict('rejected', 2), 'system:a');
    expect(rejected.view).toMatchObject({ status: 'active', name: 'Heart Diary', review: { verdict: 'rejected' } });
    const approved = changed.when(approve(2, 2), 'system:a').view;
    expect(approved).toMatchObject({ status: 'active', name: 'Heart Book' });
    expect(approved.pending).toBeUndefined();
    expect(approved.termsUri).toBeUndefined();
  });

  it.each<[string, Partial<Reviewed>]>([
    ['name', { name: 'Heart Book' }],
    ['kind', { kind: 'provider' }],
    ['client type', { clientType: 'confidential-symmetric' }],
    ['scopes', { scopes: ['patient/Patient.r'] }],
    ['purpose', { purposesOfUse: [{ code: 'HRESCH', justification: 'A study.' }] }],
    ['redirect URIs', { redirectUris: ['https://heart.example.org/elsewhere'] }],
    ['launch URI', { launchUri: 'https://heart.example.org/launch' }],
    ['allowed origins', { allowedOrigins: ['https://heart.example.org'] }],
    ['JWKS URI', { jwksUri: 'https://heart.example.org/jwks.json' }],
    ['privacy policy', { privacyPolicyUri: 'https://heart.example.org/privacy' }],
    ['terms', { termsUri: 'https://heart.example.org/other-terms' }],
    ['logo', { logoUri: 'https://heart.example.org/logo.png' }],
    ['way to ask for authorization', { requirePushedAuthorizationRequests: true }],
    ['kind of token', { dpopBoundAccessTokens: true }],
  ])('asks for a review of another %s, and the old one stays until then', (_field, reviewedChange) => {
    const bare = 'clientType' in reviewedChange || 'jwksUri' in reviewedChange;
    const before = bare ? active.when(compromised('k1')) : active;
    const changed = before.when(change(reviewedChange));
    expect(changed.types).toEqual(['application-changed', 'application-submitted']);
    expect(changed.last[0]).toMatchObject({ data: { pending: true } });
    const kept = Object.keys(reviewedChange)[0] ?? '';
    expect(changed.view.pending).toEqual(reviewedChange);
    const shown = kept === 'scopes' ? 'approvedScopes' : kept;
    expect(Object.entries(changed.view).find(([field]) => field === shown)).toEqual(
      Object.entries(before.view).find(([field]) => field === shown),
    );
    expect(changed.when(verdict('rejected', 2), 'system:a').view.status).toBe('active');
  });

  it('gives up what hardens a client only by a review', () => {
    const hard = { requirePushedAuthorizationRequests: true, dpopBoundAccessTokens: true } as const;
    const hardened = active.when(change(hard)).when(approve(2, 2), 'system:a');
    expect(hardened.view).toMatchObject(hard);
    const softer = hardened.when(change({}, Object.keys(hard)));
    expect(softer.types).toEqual(['application-changed', 'application-submitted']);
    expect(softer.view).toMatchObject({ ...hard, pending: { removed: Object.keys(hard) } });
  });

  describe('that a software statement vouches for', () => {
    const softwareStatement = {
      issuer: 'https://directory.example.org',
      sha256: 'a'.repeat(64),
      vouchesFor: ['name', 'redirectUris', 'termsUri'],
    };
    const vouched = active.when(change({ softwareStatement })).when(approve(2, 2), 'system:a');

    it('goes to review with it, and says who vouches', () => {
      expect(active.when(change({ softwareStatement })).types).toEqual([
        'application-changed',
        'application-submitted',
      ]);
      expect(vouched.view).toMatchObject({ status: 'active', softwareStatement });
    });

    it.each<[string, Partial<Reviewed>, string[]]>([
      ['a field that stands in it', { name: 'Heart Book' }, []],
      [
        'one beside others',
        { logoUri: 'https://heart.example.org/l', redirectUris: ['https://heart.example.org/x'] },
        [],
      ],
      ['one to nothing', {}, ['termsUri']],
    ])('loses it by a change of %s', (_what, reviewedChange, removed) => {
      const changed = vouched.when(change(reviewedChange, removed));
      expect(changed.view.pending?.removed).toEqual(expect.arrayContaining([...removed, 'softwareStatement']));
      expect(changed.when(approve(3, 3), 'system:a').view.softwareStatement).toBeUndefined();
    });

    it('does not get it back by changing back', () => {
      const back = vouched.when(change({ name: 'Heart Book' })).when(change({ name: 'Heart Diary' }));
      expect(back.view.pending).toEqual({ removed: ['softwareStatement'] });
    });

    it('keeps it by a change of anything else, of nothing, and by another statement', () => {
      expect(vouched.when(change({ scopes: ['patient/Patient.r'] })).view.pending).not.toHaveProperty('removed');
      expect(vouched.when(change({ name: 'Heart Diary' }, [], { description: 'A book.' })).view).toMatchObject({
        softwareStatement,
      });
      const other = { ...softwareStatement, sha256: 'b'.repeat(64) };
      expect(vouched.when(change({ name: 'Heart Book', softwareStatement: other })).view.pending).toEqual({
        name: 'Heart Book',
        softwareStatement: other,
      });
    });
  });

  it('goes on with a request that it changes, whose clock began when it was first made', () => {
    const first = submitted.state?.submission?.requestedAt;
    expect(first).toBe('2026-03-01T00:00:01Z');
    const changed = submitted.when(change({ name: 'Heart Book' })).when(change({ name: 'Heart Log' }));
    expect(changed.last.at(-1)).toMatchObject({ data: { submission: 3, requestedAt: first } });
    const sentBack = changed.when(verdict('changes-requested', 3), 'system:a');
    const again = sentBack.when(change({ name: 'Heart Diary' })).when({ type: 'submit-application', data: {} });
    expect(again.last).toMatchObject([{ data: { submission: 4, requestedAt: first } }]);
    expect(again.state?.submission?.requestedAt).toBe(first);
  });

  it.each([
    ['was withdrawn', { type: 'withdraw-application', data: {} }],
    ['was rejected', verdict('rejected')],
  ] as const)('makes a request of its own after one that %s', (_what, end) => {
    const again = submitted.when(end, end.type === 'apply-review' ? 'system:a' : owner);
    const anew = again.when({ type: 'submit-application', data: {} });
    expect(anew.last).toMatchObject([{ data: { submission: 2 } }]);
    expect(anew.last[0]?.data).not.toHaveProperty('requestedAt');
    expect(anew.state?.submission?.requestedAt).not.toBe(submitted.state?.submission?.requestedAt);
  });

  it('puts nothing in force by an approval of what was asked before the change', () => {
    const changed = submitted.when(change({ name: 'Heart Book' }));
    expect(changed.types).toEqual(['application-withdrawn', 'application-changed', 'application-submitted']);
    expect(changed.when(approve(1, 1), 'system:a').view.status).toBe('submitted');
  });

  it('puts in force what was reviewed, when the approval crosses a withdrawal and a change', () => {
    const crossed = submitted
      .when({ type: 'withdraw-application', data: {} })
      .when(change({ name: 'Heart Book' }))
      .when(approve(1, 1), 'system:a');
    expect(crossed.view).toMatchObject({ status: 'active', name: 'Heart Diary', pending: { name: 'Heart Book' } });
  });

  it('asks for nothing any more when a change is taken back', () => {
    const back = active.when(change({ name: 'Heart Book' })).when(change({ name: 'Heart Diary' }));
    expect(back.types).toEqual(['application-withdrawn', 'application-changed']);
    expect(back.view.pending).toBeUndefined();
  });

  it('changes what nobody reviews at once, and nothing where nothing differs', () => {
    expect(active.when(change({}, [], { description: 'A book.' })).types).toEqual(['application-changed']);
    expect(active.when(change({ name: 'Heart Diary' }, ['logoUri'], { description: 'A diary.' })).types).toEqual([]);
  });

  it('refuses a change that breaks a rule with what is there', () => {
    expect(pointersOf(active.decide(change({ kind: 'backend' })))).toContain('/redirectUris');
    expect(pointersOf(active.decide(change({ clientType: 'public', redirectUris: ['myapp:/x'] })))).toEqual([
      '/redirectUris/0',
    ]);
    expect(pointersOf(active.decide(change({}, ['name'])))).toEqual(['/name']);
  });
});

describe('keys and secrets', () => {
  const keys = (data: Extract<RegistrationCommand, { type: 'change-keys' }>['data']): RegistrationCommand => ({
    type: 'change-keys',
    data,
  });
  const secret = (expiresAt: string): RegistrationCommand => ({
    type: 'issue-secret',
    data: { secret: { id: mintId(3), sha256: 'a'.repeat(64), expiresAt } },
  });
  const symmetric = new Given().when(registration({ clientType: 'confidential-symmetric' }, []));

  it('rotates a key in one command', () => {
    const rotated = active.when(keys({ add: key('k2'), remove: { kid: 'k1', compromised: false } }));
    expect(rotated.last).toEqual([
      {
        type: 'keys-changed',
        data: { added: key('k2'), removed: { kid: 'k1', thumbprint: 'thumb-k1', compromised: false } },
      },
    ]);
    expect(rotated.view.jwks.keys).toEqual([key('k2').jwk]);
  });

  it('keeps the last key, unless it is compromised', () => {
    expect(pointersOf(active.decide(keys({ remove: { kid: 'k1', compromised: false } })))).toEqual(['/remove/kid']);
    const bare = active.when(keys({ remove: { kid: 'k1', compromised: true } }));
    expect(bare.view).toMatchObject({ status: 'active', jwks: { keys: [] } });
    expect(pointersOf(bare.decide(keys({ add: key('k1') })))).toEqual(['/add']);
    expect(bare.when(keys({ remove: { kid: 'k1', compromised: true } })).types).toEqual([]);
  });

  it('lets a key that was removed be called compromised later', () => {
    const rotated = active.when(keys({ add: key('k2'), remove: { kid: 'k1', compromised: false } }));
    expect(refusalOf(rotated.decide(keys({ remove: { kid: 'k1', compromised: false } }))).status).toBe(422);
    expect(rotated.when(keys({ remove: { kid: 'k1', compromised: true } })).last).toEqual([
      { type: 'keys-changed', data: { removed: { kid: 'k1', thumbprint: 'thumb-k1', compromised: true } } },
    ]);
  });

  it('refuses a key twice, an unknown kid, and keys of a client without', () => {
    expect(pointersOf(active.decide(keys({ add: key('k1') })))).toEqual(['/add/kid']);
    expect(pointersOf(active.decide(keys({ add: { ...key('k1'), kid: 'k2' } })))).toEqual(['/add']);
    expect(pointersOf(active.decide(keys({ remove: { kid: 'k7', compromised: true } })))).toEqual(['/remove/kid']);
    expect(pointersOf(symmetric.decide(keys({ add: key('k1') })))).toEqual(['/add']);
  });

  it('keeps hashes of secrets for confidential-symmetric clients alone, and shows none', () => {
    const issued = symmetric.when(secret('2027-01-01T00:00:00Z'));
    expect(issued.view.secrets).toEqual([{ id: expect.any(String), expiresAt: '2027-01-01T00:00:00Z' }]);
    expect(refusalOf(active.decide(secret('2027-01-01T00:00:00Z'))).status).toBe(409);
  });

  it('takes a secret away, once, and by its owner alone', () => {
    const two = symmetric.when(secret('2027-01-01T00:00:00Z')).when(secret('2027-02-01T00:00:00Z'));
    const [first] = two.view.secrets;
    const withdraw: RegistrationCommand = { type: 'withdraw-secret', data: { secretId: first?.id ?? '' } };
    const gone = two.when(withdraw);
    expect(gone.last).toEqual([
      { type: 'secret-withdrawn', data: { secret: { id: first?.id, sha256: 'a'.repeat(64) } } },
    ]);
    expect(gone.view.secrets).toEqual([{ id: expect.any(String), expiresAt: '2027-02-01T00:00:00Z' }]);
    expect(gone.when(withdraw).types).toEqual([]);
    expect(refusalOf(two.decide(withdraw, 'stranger')).status).toBe(404);
  });

  it('forgets secrets that have expired, and limits the others', () => {
    const full = Array.from({ length: 10 }).reduce<Given>(
      (given) => given.when(secret('2027-01-01T00:00:00Z')),
      symmetric,
    );
    expect(refusalOf(full.decide(secret('2027-01-01T00:00:00Z'))).type).toBe('too-many-secrets');
    const old = symmetric.when(secret('2026-02-01T00:00:00Z')).when(secret('2027-01-01T00:00:00Z'));
    expect(old.view.secrets).toHaveLength(1);
  });
});

describe('suspension and revocation', () => {
  it('suspends under a new epoch, once, and is told apart from what approval says', () => {
    expect(suspended.last).toEqual([{ type: 'application-suspended', data: { reason: 'because', epoch: 1 } }]);
    expect(suspended.view).toMatchObject({ status: 'suspended', closure: { reason: 'because' } });
    expect(suspended.when(because('suspend-application'), 'operator').types).toEqual([]);
    expect(suspended.when(approve(1, 2), 'system:a').view.status).toBe('suspended');
  });

  it('reinstates under the raised epoch, though never by the owner', () => {
    expect(refusalOf(suspended.decide(because('reinstate-application'))).status).toBe(403);
    const open = suspended.when(because('reinstate-application'), 'operator');
    expect(open.last).toEqual([{ type: 'application-reinstated', data: { reason: 'because', epoch: 1 } }]);
    expect(open.view.status).toBe('active');
    expect(open.view.closure).toBeUndefined();
    expect(refusalOf(open.decide(because('reinstate-application'), 'operator'))).toMatchObject({ status: 409 });
  });

  it('revokes the suspended under one more epoch', () => {
    expect(suspended.when(because('revoke-application'), 'operator').last).toEqual([
      { type: 'application-revoked', data: { reason: 'because', epoch: 2 } },
    ]);
  });

  it('accepts the revocation of the revoked without an event', () => {
    expect(revoked.when(because('revoke-application'), 'operator').types).toEqual([]);
  });

  it('stays revoked whatever comes', () => {
    const anything = fc.constantFrom<RegistrationCommand>(
      registration(),
      { type: 'submit-application', data: {} },
      { type: 'withdraw-application', data: {} },
      change({ name: 'Heart Book' }),
      { type: 'change-keys', data: { add: key('k2') } },
      { type: 'transfer-ownership', data: { ownerId: 'heir' } },
      because('suspend-application'),
      because('reinstate-application'),
      because('revoke-application'),
      verdict('approved'),
      approve(1, 9),
      approve(1, 1, true),
    );
    fc.assert(
      fc.property(anything, fc.constantFrom(owner, 'operator', 'system:a'), (command, actor) => {
        const decision = revoked.decide(command, actor);
        expect(decision.kind === 'accepted' ? decision.events : []).toEqual([]);
      }),
    );
  });
});

it('keeps a state that a snapshot gives back unchanged', () => {
  for (const { state } of [draft, submitted, active, suspended, revoked]) {
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  }
});
