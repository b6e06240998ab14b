import { mayRedirectTo } from './redirect-uri.js';

describe('where an answer may go', () => {
  const registered = ['https://app.example/back', 'http://127.0.0.1/cb', 'http://[::1]:9000/cb', 'org.app:/cb'];

  test.each([
    'https://app.example/back',
    'http://127.0.0.1/cb',
    'http://127.0.0.1:51004/cb',
    'http://[::1]:7/cb',
    'org.app:/cb',
  ])('[RFC 8252 §7.3] %s', (uri) => expect(mayRedirectTo(uri, registered)).toBe(true));

  test.each([
    'https://app.example/back/',
    'https://app.example/back?x=1',
    'https://app.example/back#x',
    'https://app.example:443/back',
    'https://APP.example/back',
    'http://app.example/back',
    'https://app.example.evil.example/back',
    'http://127.0.0.1/other',
    'http://127.0.0.1:51004/cb?x',
    'http://127.0.0.1.evil.example/cb',
    'http://127.0.0.1@evil.example/cb',
    'http://127.0.0.1:1@evil.example/cb',
    'http://127.0.0.1:999999/cb',
    'http://localhost/cb',
    'https://127.0.0.1/cb',
    'org.app:/cb2',
    '',
  ])('[RFC 9700 §4.1.3] not %s', (uri) => expect(mayRedirectTo(uri, registered)).toBe(false));
});
