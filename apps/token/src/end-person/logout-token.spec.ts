import { readLogout } from './logout-token.js';

const now = 1_800_000_000;
const good = {
  iss: 'https://provider.example',
  sub: 'ada',
  jti: 'x',
  iat: now - 1,
  exp: now + 60,
  events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
};
const read = (changes: object = {}, header: { typ?: string } = { typ: 'logout+jwt' }) =>
  readLogout(header, { ...good, ...changes }, now, 5);

describe('a logout token', () => {
  test('[OIDC Back-Channel Logout §2.4] says whose sessions ended', () => {
    const { iss: issuer, sub: subject } = good;
    expect(read()).toEqual({ ok: true, logout: { issuer, subject, offlineAccess: false } });
    expect(read({ sid: 's1' })).toMatchObject({ ok: true, logout: { session: 's1' } });
    expect(read({}, {})).toMatchObject({ ok: true });
    expect(read({ events: { ...good.events, revoke_offline_access: true } })).toMatchObject({
      logout: { offlineAccess: true },
    });
  });

  test.each([
    ['an id_token: it has a nonce', { nonce: 'n' }],
    ['an id_token: it names no logout', { events: undefined }],
    ['another event', { events: { 'https://other.example/event': {} } }],
    ['an event that is no object', { events: { 'http://schemas.openid.net/event/backchannel-logout': true } }],
    ['one about nobody', { sub: undefined }],
    ['one without jti', { jti: undefined }],
    ['one without iat', { iat: undefined }],
    ['one without exp', { exp: undefined }],
    ['an old one', { iat: now - 400 }],
    ['one from times to come', { iat: now + 60 }],
    ['a session that is no text', { sid: 7 }],
  ])('[OIDC Back-Channel Logout §2.6] is not %s', (_what, changes) => {
    expect(read(changes)).toMatchObject({ ok: false });
  });

  test('[OIDC Back-Channel Logout §2.6] is not an access token', () => {
    expect(read({}, { typ: 'at+jwt' })).toMatchObject({ ok: false });
  });
});
