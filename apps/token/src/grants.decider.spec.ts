import type { Addressed, Recorded, TokenCommand, TokenEvent } from '#contracts';
import { grantsDecider, type GrantsState } from './grants.decider.js';

const subject = '019c2f1e-0000-7000-8000-000000000001';
const now = '2026-03-01T10:00:00.000Z';
const later = '2026-03-01T10:05:00.000Z';

const revoked = (tokenId: string, expiresAt = later): TokenEvent => ({
  type: 'token-revoked',
  data: { tokenId, expiresAt },
});
const revoke = (tokenId: string, expiresAt = later): TokenCommand => ({
  type: 'revoke-token',
  data: { tokenId, expiresAt },
});

const consent = {
  type: 'consent-grant',
  data: {
    grantId: '019c2f1e-0000-7000-8000-000000000101',
    userId: 'user',
    patient: 'patient',
    scopes: ['patient/*.rs'],
    duration: 'offline',
    approvalVersion: 1,
  },
} satisfies TokenCommand;
const end: TokenCommand = { type: 'revoke-grant', data: { grantId: consent.data.grantId, cause: 'withdrawn' } };
const ended = {
  type: 'grant-revoked',
  data: { grantId: consent.data.grantId, cause: 'withdrawn', tokensExpireAt: '2026-03-01T11:00:00.000Z' },
} satisfies TokenEvent;

function recorded(event: TokenEvent, version: number, time = now): Recorded<TokenEvent> {
  return {
    ...event,
    meta: {
      id: `e${version}`,
      subject,
      time,
      actor: 'client:c',
      correlationId: 'c',
      causationId: 'c',
      version,
      commandOffset: BigInt(version),
    },
  };
}

function given(...events: TokenEvent[]) {
  const state = events.reduce<GrantsState | undefined>(
    (before, event, index) => grantsDecider.evolve(before, recorded(event, index + 1)),
    undefined,
  );
  return {
    when(command: TokenCommand) {
      const meta: Addressed<TokenCommand>['meta'] = {
        id: 'c1',
        subject,
        actor: 'client:c',
        time: now,
        deadline: later,
        bodyDigest: '',
        correlationId: 'c',
        causationId: 'c',
      };
      const decision = grantsDecider.decide(state, { ...command, meta });
      return {
        then: (...expected: TokenEvent[]) => expect(decision).toEqual({ kind: 'accepted', events: expected }),
        thenRefused: (type: string) => expect(decision).toMatchObject({ kind: 'refused', refusal: { type } }),
      };
    },
  };
}

describe('the grants of an application', () => {
  test('a token is revoked', () => given().when(revoke('t1')).then(revoked('t1')));
  test('once', () => given(revoked('t1')).when(revoke('t1')).then());
  test('another one as well', () => given(revoked('t1')).when(revoke('t2')).then(revoked('t2')));
  test('one that has expired is still believed for 5 s, and revoked until then', () =>
    given().when(revoke('t1', '2026-03-01T09:59:55.001Z')).then(revoked('t1', '2026-03-01T09:59:55.001Z')));
  test('after that it is dead already', () =>
    given(revoked('t0')).when(revoke('t1', '2026-03-01T09:59:55.000Z')).then());
  test('the first of an application, dead already: refused, for there is nothing to show', () =>
    given().when(revoke('t1', '2026-03-01T09:59:55.000Z')).thenRefused('token-expired'));
  test('a user agrees', () => given().when(consent).then({ type: 'grant-consented', data: consent.data }));
  test('to an application that was revoked nobody can', () =>
    given({ type: 'grants-closed', data: { reason: 'revoked' } })
      .when(consent)
      .thenRefused('grants-closed'));
  test('a grant ends, and with it tokens for as long as one can live', () =>
    given({ type: 'grant-consented', data: consent.data }).when(end).then(ended));
  test('once', () => given(ended).when(end).then());
  test('a grant that ended is forgotten once its last token has expired', () => {
    const before = grantsDecider.evolve(undefined, recorded(ended, 1));
    const after = grantsDecider.evolve(before, recorded(revoked('t1'), 2));
    expect(Object.keys(after.ended)).toEqual([consent.data.grantId]);
    const another: TokenEvent = { ...ended, data: { ...ended.data, grantId: 'other' } };
    const muchLater = recorded(another, 3, '2026-03-01T12:00:00.000Z');
    expect(Object.keys(grantsDecider.evolve(after, muchLater).ended)).toEqual(['other']);
  });
  test('all grants are closed', () =>
    given(revoked('t1'))
      .when({ type: 'close-grants', data: { reason: 'revoked' } })
      .then({ type: 'grants-closed', data: { reason: 'revoked' } }));
  test('once, however often the reactor asks', () =>
    given({ type: 'grants-closed', data: { reason: 'revoked' } })
      .when({ type: 'close-grants', data: { reason: 'again' } })
      .then());
  test('a revoked token is forgotten once it would have expired', () => {
    const before = grantsDecider.evolve(
      undefined,
      recorded(revoked('t1', '2026-03-01T09:59:55.000Z'), 1, '2026-03-01T09:58:00.000Z'),
    );
    expect(Object.keys(grantsDecider.evolve(before, recorded(revoked('t2'), 2)).revoked)).toEqual(['t2']);
  });
});
