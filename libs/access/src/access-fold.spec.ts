import { type ApprovalEvent, type EventMeta, mintId, type RegistrationEvent, type TokenEvent } from '#contracts';
import fc from 'fast-check';
import { AccessFold, type FoldedApplication } from './access-fold.js';
import type { AccessEvent } from './application-access.js';
import { tokenFault, type TokenStanding } from './effective-access.js';

type Event = RegistrationEvent | ApprovalEvent | TokenEvent;

const app = mintId(3);
const otherApp = mintId(4);
const now = Date.parse('2026-05-01T12:00:00Z');
const day = 86_400_000;
const inDays = (days: number) => new Date(now + days * day).toISOString();

function recorded(event: Event, subject = app): AccessEvent {
  const meta: EventMeta = {
    id: mintId(3),
    subject,
    time: inDays(0),
    actor: 'someone',
    correlationId: 'c',
    causationId: 'c',
    version: 1,
    commandOffset: 0n,
  };
  return { ...event, meta };
}

const key = {
  kid: 'k1',
  thumbprint: 'thumb-1',
  jwk: { kty: 'EC', crv: 'P-384', x: 'x'.repeat(64), y: 'y'.repeat(64) },
};
const reviewed = {
  name: 'Ward rounds',
  kind: 'backend' as const,
  clientType: 'confidential-asymmetric' as const,
  scopes: ['system/Patient.rs', 'system/Observation.rs'],
  purposesOfUse: [{ code: 'TREAT', justification: 'rounds' }],
  redirectUris: [],
  allowedOrigins: [],
};
const registered: Event = {
  type: 'application-registered',
  data: {
    clientId: 'client-1',
    ownerId: 'owner',
    reviewed,
    other: { description: '', attestations: [], documents: [] },
    keys: [key],
  },
};
const submitted: Event = { type: 'application-submitted', data: { submission: 1, ownerId: 'owner', reviewed } };
const approved: Event = {
  type: 'review-approved',
  data: {
    reviewId: mintId(3),
    submission: 1,
    approvalVersion: 1,
    reviewerIds: ['r'],
    scopes: ['system/Patient.rs'],
    expiresAt: inDays(30),
    conditions: [],
    endpoints: ['*'],
    reason: 'fine',
  },
};
const reviewApplied: Event = {
  type: 'review-applied',
  data: { reviewId: mintId(3), submission: 1, verdict: 'approved', reason: 'fine' },
};
const approvalApplied: Event = {
  type: 'approval-applied',
  data: { approvalVersion: 1, submission: 1, scopes: ['system/Patient.rs'], expiresAt: inDays(30), expired: false },
};
const suspended: Event = { type: 'application-suspended', data: { reason: 'incident', epoch: 1 } };
const reinstated: Event = { type: 'application-reinstated', data: { reason: 'solved', epoch: 2 } };
const revoked: Event = { type: 'application-revoked', data: { reason: 'misuse', epoch: 3 } };
const registrationExpired: Event = { type: 'registration-expired', data: { dueAt: '2026-03-31T00:00:00.000Z' } };
const open = [registered, submitted, approved, reviewApplied, approvalApplied];

function given(...events: readonly Event[]): AccessFold {
  const fold = new AccessFold();
  for (const event of events) fold.apply(recorded(event), now);
  return fold;
}

const accessAfter = (events: readonly Event[], at = now) => given(...events).byApplicationId(app, at);

describe('when access is open', () => {
  test('approved, active and not expired: open with what was approved, not with what was asked', () => {
    expect(accessAfter(open)).toMatchObject({
      clientId: 'client-1',
      status: 'open',
      scopes: ['system/Patient.rs'],
      approvalVersion: 1,
      epoch: 0,
      purposesOfUse: ['TREAT'],
    });
  });

  test('what hardens a client counts from its approval on, and until it is approved without', () => {
    const hard = { requirePushedAuthorizationRequests: true, dpopBoundAccessTokens: true } as const;
    const changing = (pending: boolean, change: object): Event => ({
      type: 'application-changed',
      data: { reviewed: {}, other: {}, removed: [], pending, ...change },
    });
    const again = (submission: number, more: object): Event[] => [
      { type: 'application-submitted', data: { submission, ownerId: 'owner', reviewed: { ...reviewed, ...more } } },
      { type: 'review-applied', data: { reviewId: mintId(3), submission, verdict: 'approved', reason: 'fine' } },
    ];
    const hardened = [...open, changing(true, { reviewed: hard }), ...again(2, hard)];
    const softer = [...hardened, changing(true, { removed: Object.keys(hard) })];
    expect(accessAfter(hardened.slice(0, -1))).not.toMatchObject(hard);
    expect(accessAfter(softer)).toMatchObject(hard);
    expect(Object.keys(accessAfter([...softer, ...again(3, {})]) ?? {})).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(require|dpop)/)]),
    );
    const unreviewed = [registered, changing(false, { reviewed: hard })];
    expect(accessAfter(unreviewed)).toMatchObject(hard);
    const taken = accessAfter([...unreviewed, changing(false, { removed: Object.keys(hard) })]);
    expect([taken?.requirePushedAuthorizationRequests, taken?.dpopBoundAccessTokens]).toEqual([undefined, undefined]);
  });

  test.each([
    ['an open registration that expired', [registered, registrationExpired], 'revoked'],
    ['registered alone', [registered], 'not-approved'],
    ['approved, and registration does not know yet', [registered, submitted, approved], 'not-active'],
    [
      'registration says active, and approval has approved nothing',
      [registered, submitted, reviewApplied, approvalApplied],
      'not-approved',
    ],
    ['suspended', [...open, suspended], 'suspended'],
    ['revoked', [...open, revoked], 'revoked'],
    ['revoked while suspended', [...open, suspended, revoked], 'revoked'],
    ['reinstated and then revoked', [...open, suspended, reinstated, revoked], 'revoked'],
  ] satisfies [string, Event[], string][])('%s: closed', (_given, events, why) => {
    expect(accessAfter(events)).toMatchObject({ status: 'closed', why, scopes: [] });
  });

  test('it closes by itself when the approval ends, to the millisecond', () => {
    const fold = given(...open);
    expect(fold.byApplicationId(app, now + 30 * day - 1)?.status).toBe('open');
    expect(fold.byApplicationId(app, now + 30 * day)).toMatchObject({ status: 'closed', why: 'expired' });
  });

  test('suspended and reinstated: open under the raised epoch', () => {
    expect(accessAfter([...open, suspended, reinstated])).toMatchObject({ status: 'open', epoch: 2 });
  });

  test('the limits of the last approval are in force, and none where it sets none', () => {
    const limits = { callsPerMinute: 60 };
    const limited = open.map((it) => (it.type === 'review-approved' ? { ...it, data: { ...it.data, limits } } : it));
    expect(accessAfter(limited)).toMatchObject({ limits });
    expect(accessAfter([...limited, ...open.filter((it) => it.type === 'review-approved')])).not.toHaveProperty(
      'limits',
    );
  });

  test('a narrowed approval is in force at once, before registration has heard of it', () => {
    const narrowed: Event = {
      type: 'approval-narrowed',
      data: {
        approvalVersion: 2,
        submission: 1,
        scopes: [],
        expiresAt: inDays(30),
        endpoints: ['*'],
        reason: 'unused',
        campaignId: mintId(0),
        itemId: mintId(0),
        decidedBy: 'r',
      },
    };
    expect(accessAfter([...open, narrowed])).toMatchObject({ status: 'open', scopes: [], approvalVersion: 2 });
  });

  test('metadata that waits for review is not in force until its own submission is approved', () => {
    const renamed: Event = {
      type: 'application-submitted',
      data: { submission: 2, ownerId: 'owner', reviewed: { ...reviewed, name: 'Other' } },
    };
    const rejected: Event = {
      type: 'review-applied',
      data: { reviewId: mintId(3), submission: 2, verdict: 'rejected', reason: 'no' },
    };
    const accepted: Event = {
      type: 'review-applied',
      data: { reviewId: mintId(3), submission: 2, verdict: 'approved', reason: 'ok' },
    };
    expect(accessAfter([...open, renamed])).toMatchObject({ status: 'open', name: 'Ward rounds' });
    expect(accessAfter([...open, renamed, rejected])).toMatchObject({ status: 'open', name: 'Ward rounds' });
    expect(accessAfter([...open, renamed, accepted])).toMatchObject({ status: 'open', name: 'Other' });
  });

  test('an event that cannot be decoded closes its application for good, and no other', () => {
    const fold = given(...open);
    for (const event of open) fold.apply(recorded(event, otherApp), now);
    fold.closeUndecodable(app);
    fold.apply(recorded(reinstated), now);
    expect(fold.byApplicationId(app, now)).toMatchObject({ status: 'closed', why: 'undecodable' });
    expect(fold.byApplicationId(otherApp, now)).toMatchObject({ status: 'open' });
  });

  test('the topics of the contexts may be read in any order', () => {
    const registrationEvents = [registered, submitted, reviewApplied, approvalApplied, suspended, reinstated];
    const approvalEvents = [approved];
    const closeGrants: Event = { type: 'grants-closed', data: { reason: 'x' } };
    const expected = accessAfter([...registrationEvents, ...approvalEvents, closeGrants]);
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 0, 0, 0, 0, 0, 1, 2], { minLength: 8 }), (topics) => {
        const queues = [[...registrationEvents], [...approvalEvents], [closeGrants]];
        const interleaved = topics.flatMap((topic) => queues[topic]?.shift() ?? []);
        expect(accessAfter(interleaved)).toEqual(expected);
      }),
    );
  });

  test('an application without many keys is known in less than 2 kB', () => {
    const access = accessAfter([...open, suspended, reinstated]);
    expect(JSON.stringify(access).length).toBeLessThan(2_000);
  });
});

describe('what a client is known by', () => {
  test('its secrets by their hashes, its redirect URIs and links as they were reviewed', () => {
    const linked: Event = {
      type: 'application-changed',
      data: {
        reviewed: { redirectUris: ['https://app.example/back'], termsUri: 'https://app.example/terms' },
        other: {},
        removed: [],
        pending: false,
      },
    };
    const secret = { id: mintId(3), sha256: 'a'.repeat(64), expiresAt: inDays(30) };
    const access = accessAfter([...open, linked, { type: 'secret-issued', data: { secret } }]);
    expect(access).toMatchObject({
      redirectUris: ['https://app.example/back'],
      termsUri: 'https://app.example/terms',
      secrets: [{ sha256: secret.sha256, expiresAt: secret.expiresAt }],
    });
  });
});

describe('who is found', () => {
  test('a client by its client id, and nobody by one that is not registered', () => {
    const fold = given(...open);
    expect(fold.byClientId('client-1', now)?.applicationId).toBe(app);
    expect(fold.byClientId('client-2', now)).toBeUndefined();
    expect(fold.byApplicationId(otherApp, now)).toBeUndefined();
  });
});

describe('which tokens count', () => {
  const token: TokenStanding = { tokenId: 't1', epoch: 0, keyThumbprint: 'thumb-1' };
  const faultAfter = (events: readonly Event[], claims = token) => {
    const access = accessAfter(events);
    return access && tokenFault(access, claims);
  };

  test('of the epoch, by a living key, not revoked: it counts', () => {
    expect(faultAfter(open)).toBeUndefined();
  });

  test('of an earlier epoch: dead for good, also after the reinstatement', () => {
    expect(faultAfter([...open, suspended])).toBe('closed');
    expect(faultAfter([...open, suspended, reinstated])).toBe('old-epoch');
    expect(faultAfter([...open, suspended, reinstated], { ...token, epoch: 2 })).toBeUndefined();
  });

  test('a compromised key kills what it earned, and nothing else; one that was merely removed kills nothing', () => {
    const remove = (compromised: boolean): Event => ({
      type: 'keys-changed',
      data: { removed: { kid: 'k1', thumbprint: 'thumb-1', compromised } },
    });
    expect(faultAfter([...open, remove(true)])).toBe('dead-key');
    expect(faultAfter([...open, remove(true)], { ...token, keyThumbprint: 'thumb-2' })).toBeUndefined();
    expect(faultAfter([...open, remove(false)])).toBeUndefined();
    expect(accessAfter([...open, remove(false)])?.keys).toEqual([]);
  });

  test('a revoked token is dead, its sibling is not, and it is forgotten once it has expired', () => {
    const revoke = (tokenId: string, days: number): Event => ({
      type: 'token-revoked',
      data: { tokenId, expiresAt: inDays(days) },
    });
    expect(faultAfter([...open, revoke('t1', 1)])).toBe('revoked');
    expect(faultAfter([...open, revoke('t2', 1)])).toBeUndefined();
    const fold = given(...open, revoke('t1', 1));
    fold.apply(recorded(revoke('t3', 9)), now + 2 * day);
    expect([...(fold.byApplicationId(app, now)?.revokedTokens ?? [])]).toEqual(['t3']);
  });

  test('a grant that ended kills the tokens that rest on it, and is forgotten once the last of them has expired', () => {
    const end = (grantId: string, days: number): Event => ({
      type: 'grant-revoked',
      data: { grantId, cause: 'withdrawn', tokensExpireAt: inDays(days) },
    });
    const [mine, other, third] = [mintId(3), mintId(3), mintId(3)];
    expect(faultAfter([...open, end(mine, 1)], { ...token, grantId: mine })).toBe('grant-ended');
    expect(faultAfter([...open, end(mine, 1)], { ...token, grantId: other })).toBeUndefined();
    expect(faultAfter([...open, end(mine, 1)])).toBeUndefined();
    const fold = given(...open, end(mine, 1));
    fold.apply(recorded(end(third, 9)), now + 2 * day);
    expect([...(fold.byApplicationId(app, now)?.revokedGrants ?? [])]).toEqual([third]);
  });
});

describe('what must be reported as a closure', () => {
  const closedBy = (event: Event) => given(...open).apply(recorded(event), now);

  test.each([
    ['suspension', suspended],
    ['revocation', revoked],
    ['end of all grants', { type: 'grants-closed', data: { reason: 'x' } }],
    [
      'end of a grant',
      { type: 'grant-revoked', data: { grantId: mintId(3), cause: 'withdrawn', tokensExpireAt: inDays(1) } },
    ],
    ['revoked token', { type: 'token-revoked', data: { tokenId: 't', expiresAt: inDays(1) } }],
    ['later approval', approved],
    [
      'compromised key',
      { type: 'keys-changed', data: { removed: { kid: 'k1', thumbprint: 'thumb-1', compromised: true } } },
    ],
  ] satisfies [string, Event][])('%s', (_what, event) => {
    expect(closedBy(event)).toBe(app);
  });

  test.each([
    ['reinstatement', reinstated],
    ['new key', { type: 'keys-changed', data: { added: { ...key, kid: 'k2', thumbprint: 'thumb-2' } } }],
    ['applied approval', approvalApplied],
  ] satisfies [string, Event][])('not: %s', (_what, event) => {
    expect(closedBy(event)).toBeUndefined();
  });
});

describe('a fold that goes on from a snapshot', () => {
  const revokeToken = (days: number): Event => ({
    type: 'token-revoked',
    data: { tokenId: `t${days}`, expiresAt: inDays(days) },
  });
  const endGrant = (days: number): Event => ({
    type: 'grant-revoked',
    data: { grantId: `g${days}`, cause: 'withdrawn', tokensExpireAt: inDays(days) },
  });
  /** A client id is minted for one application: no two share it. */
  const withOwnClient = (event: Event, subject: string): Event =>
    event.type === 'application-registered' && subject === otherApp
      ? { ...event, data: { ...event.data, clientId: 'client-2' } }
      : event;
  const events = [...open, suspended, reinstated, revoked, revokeToken(1), revokeToken(9), endGrant(1), endGrant(9)];
  const step = fc.record({
    event: fc.constantFrom<Event | 'undecodable'>(...events, 'undecodable'),
    subject: fc.constantFrom(app, otherApp),
    day: fc.integer({ min: 0, max: 12 }),
  });

  test('holds what the fold holds that has seen everything, wherever the snapshot was taken', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(), (steps, at) => {
        const cut = at % (steps.length + 1);
        const apply = (fold: AccessFold, some: typeof steps): AccessFold => {
          for (const { event, subject, day: days } of some) {
            if (event === 'undecodable') fold.closeUndecodable(subject);
            else fold.apply(recorded(withOwnClient(event, subject), subject), now + days * day);
          }
          return fold;
        };
        const whole = apply(new AccessFold(), steps);
        const before = apply(new AccessFold(), steps.slice(0, cut));
        const restored = new AccessFold();
        for (const item of JSON.parse(JSON.stringify([...before.items()])) as Iterable<FoldedApplication>)
          restored.take(item);
        apply(restored, steps.slice(cut));
        expect([...restored.items()]).toEqual([...whole.items()]);
        for (const id of [app, otherApp])
          expect(restored.byApplicationId(id, now)).toEqual(whole.byApplicationId(id, now));
        expect(restored.byClientId('client-1', now)).toEqual(whole.byClientId('client-1', now));
      }),
    );
  });

  test('says the same however often it was asked before, and whenever', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const [asked, fresh] = [new AccessFold(), new AccessFold()];
        for (const { event, subject, day: days } of steps) {
          for (const fold of [asked, fresh]) {
            if (event === 'undecodable') fold.closeUndecodable(subject);
            else fold.apply(recorded(withOwnClient(event, subject), subject), now);
          }
          asked.byApplicationId(subject, now + days * 5 * day);
          asked.byClientId('client-1', now);
        }
        for (const id of [app, otherApp])
          for (const at of [now, now + 60 * day])
            expect(asked.byApplicationId(id, at)).toEqual(fresh.byApplicationId(id, at));
      }),
    );
  });

  test('a snapshot being written does not see what is applied meanwhile; and a fold can forget everything', () => {
    const fold = given(...open, revokeToken(1));
    const before = [...fold.items()];
    const taken = fold.items();
    for (const event of [suspended, revokeToken(9)]) fold.apply(recorded(event), now);
    expect([...taken]).toEqual(before);
    fold.forget();
    expect([...fold.items()]).toEqual([]);
    expect(fold.byClientId('client-1', now)).toBeUndefined();
  });
});
