import { forbidden, unauthenticated, unavailable } from '#host';
import { OwnerErased } from '#vault';
import { errors } from 'oidc-provider';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { ClientRefused } from '../authenticate-client/client-authentication.js';
import { OAuthError, oauthErrorAnswer } from './oauth-error.js';

const said = (error: string) => ({ error, error_description: expect.any(String) });

describe('what went wrong at an OAuth endpoint', () => {
  test('[RFC 6749 §5.2] is said in its words', () => {
    expect(oauthErrorAnswer(new OAuthError(400, 'invalid_grant', 'it is another’s'))).toEqual({
      status: 400,
      headers: {},
      body: { error: 'invalid_grant', error_description: 'it is another’s' },
    });
    expect(oauthErrorAnswer(new errors.InvalidRequest('only forms'))).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: 'only forms' },
    });
  });

  test('[RFC 6749 §5.2] a client that is not known is challenged, and not told why', () => {
    const answer = oauthErrorAnswer(new ClientRefused('the secret is wrong'));
    expect(answer).toMatchObject({ status: 401, body: said('invalid_client') });
    expect(answer?.headers['www-authenticate']).toMatch(/^Basic /);
    expect(JSON.stringify(answer)).not.toContain('secret');
  });

  test('[RFC 6750 §3] a bearer token that does not count is challenged', () => {
    expect(oauthErrorAnswer(unauthenticated('It has expired.', 'invalid_token'))).toMatchObject({
      status: 401,
      headers: { 'WWW-Authenticate': 'Bearer error="invalid_token", error_description="It has expired."' },
      body: said('invalid_token'),
    });
    expect(oauthErrorAnswer(new OAuthError(401, 'invalid_token', 'none that counts'))).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    });
    expect(oauthErrorAnswer(forbidden('Not you.'))).toMatchObject({ status: 403 });
  });

  test.each([
    ['what is starting', new NotServing('no keys yet')],
    ['somebody who was erased a moment ago', new OwnerErased()],
    ['an identity provider that is away', unavailable('It cannot be asked.', 2)],
  ])('[RFC 6749 §5.2] %s is asked again later', (_what, thrown) => {
    expect(oauthErrorAnswer(thrown)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: said('temporarily_unavailable'),
    });
  });

  test.each([new Error('broken'), new errors.OIDCProviderError(500, 'server_error'), 'text'])(
    '%s has no name there',
    (thrown) => {
      expect(oauthErrorAnswer(thrown)).toBeUndefined();
    },
  );
});
