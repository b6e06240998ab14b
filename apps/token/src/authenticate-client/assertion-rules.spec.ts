import { checkAssertion } from './assertion-rules.js';

const now = 1_800_000_000;
const times = { now, registered: now - 86_400 };
const header = { alg: 'ES384', kid: 'a', typ: 'JWT' };
const claims = { iss: 'client', sub: 'client', jti: 'one', exp: now + 300 };

describe('the rules of an assertion', () => {
  test('one that follows them is read, with or without iat', () => {
    expect(checkAssertion(header, claims, times)).toEqual({
      ok: true,
      assertion: { issuer: 'client', id: 'one', expires: now + 300, issued: now },
    });
    expect(checkAssertion({ ...header, alg: 'RS384', typ: 'jwt' }, { ...claims, iat: now - 7 }, times)).toMatchObject({
      ok: true,
      assertion: { issued: now - 7 },
    });
  });

  test('one without iat was not spent before its client was there, whatever its exp', () => {
    const soon = { ...claims, exp: now + 120 };
    expect(checkAssertion(header, soon, times)).toMatchObject({ assertion: { issued: now - 180 } });
    const registered = now - 20;
    expect(checkAssertion(header, soon, { now, registered })).toMatchObject({ assertion: { issued: registered - 5 } });
    expect(checkAssertion(header, { ...soon, iat: now - 90 }, { now, registered })).toMatchObject({
      assertion: { issued: now - 90 },
    });
  });

  test.each([
    ['RS256', { ...header, alg: 'RS256' }, claims, /alg/],
    ['none', { ...header, alg: 'none' }, claims, /alg/],
    ['HS384', { ...header, alg: 'HS384' }, claims, /alg/],
    ['no kid', { alg: 'ES384', typ: 'JWT' }, claims, /kid/],
    ['no typ', { alg: 'ES384', kid: 'a' }, claims, /typ/],
    ['an access token', { ...header, typ: 'at+jwt' }, claims, /typ/],
    ['another subject', header, { ...claims, sub: 'other' }, /iss and sub/],
    ['no subject', header, { iss: 'client', jti: 'one', exp: now + 10 }, /iss and sub/],
    ['no jti', header, { iss: 'client', sub: 'client', exp: now + 10 }, /jti/],
    ['a jti without end', header, { ...claims, jti: 'x'.repeat(513) }, /jti/],
    ['no exp', header, { iss: 'client', sub: 'client', jti: 'one' }, /exp/],
    ['expired', header, { ...claims, exp: now - 5 }, /expired/],
    ['too far ahead', header, { ...claims, exp: now + 306 }, /at most 300 seconds/],
    ['made tomorrow', header, { ...claims, iat: now + 60 }, /iat/],
  ])('%s is refused', (_name, given, payload, fault) => {
    expect(checkAssertion(given, payload, times)).toEqual({ ok: false, fault: expect.stringMatching(fault) });
  });
});
