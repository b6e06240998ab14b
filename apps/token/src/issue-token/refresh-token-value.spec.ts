import { clientNamedIn, newRefreshToken } from './refresh-token-value.js';

describe('a refresh token', () => {
  test('[SMART 2.2 §2.0.10] says whose it is', () => {
    expect(clientNamedIn(newRefreshToken('app.with-dots'))).toBe('app.with-dots');
  });
  test('is another every time', () => expect(newRefreshToken('a')).not.toBe(newRefreshToken('a')));
  test.each(['', 'x', 'x.app', `${'x'.repeat(43)}.`, `${'x'.repeat(43)}.a b`, `${'x'.repeat(43)}.${'a'.repeat(129)}`])(
    'that is none names nobody: %s',
    (token) => expect(clientNamedIn(token)).toBeUndefined(),
  );
});
