import { faultOfLaunchUri, faultOfLink, faultOfOrigin, faultOfRedirectUri } from './declared-uris.js';

describe('redirect URIs', () => {
  it.each([
    ['https://app.example.org/callback?x=1', 'confidential-symmetric'],
    ['https://app.example.org', 'public'],
    ['http://127.0.0.1/callback', 'public'],
    ['http://[::1]:4000/callback', 'public'],
    ['com.example.app:/callback', 'public'],
  ] as const)('takes %s of a %s client', (uri, clientType) => {
    expect(faultOfRedirectUri(uri, clientType)).toBeUndefined();
  });

  it.each([
    ['https://app.example.org/callback#x', 'public', /fragment/],
    ['https://app.example.org/callback#', 'public', /fragment/],
    ['https://me:secret@app.example.org/', 'public', /credentials/],
    ['https://*.example.org/callback', 'public', /wildcards/],
    ['https://app.example.org/a/../b', 'public', /as it is compared/],
    ['https://APP.example.org/', 'public', /as it is compared/],
    ['https://app.example.org:443/', 'public', /as it is compared/],
    ['https://app.example.org\\@evil.example/', 'public', /absolute/],
    ['https://app.example.org/a b', 'public', /absolute/],
    ['http://app.example.org/callback', 'public', /must be https/],
    ['http://127.0.0.1.example.org/', 'public', /must be https/],
    ['http://localhost/callback', 'public', /localhost/],
    ['com.example.app:/callback', 'confidential-asymmetric', /public clients only/],
    ['myapp:/callback', 'public', /domain in reverse/],
    ['javascript:alert(1)', 'public', /domain in reverse/],
    ['data:text/html,x', 'public', /domain in reverse/],
    ['/callback', 'public', /absolute/],
  ] as const)('refuses %s of a %s client', (uri, clientType, why) => {
    expect(faultOfRedirectUri(uri, clientType)).toMatch(why);
  });
});

describe('links, launch URIs and origins', () => {
  it('takes https links without credentials or fragment', () => {
    expect(faultOfLink('https://example.org/privacy?lang=en')).toBeUndefined();
    expect(faultOfLink('http://example.org/privacy')).toMatch(/https/);
    expect(faultOfLink('https://a:b@example.org/')).toMatch(/credentials/);
    expect(faultOfLink('https://example.org/#top')).toMatch(/fragment/);
  });

  it('takes a launch URI on loopback, for development', () => {
    expect(faultOfLaunchUri('http://127.0.0.1:9000/launch')).toBeUndefined();
    expect(faultOfLaunchUri('http://127.0.0.1:9000/launch#x')).toMatch(/fragment/);
    expect(faultOfLaunchUri('http://example.org/launch')).toMatch(/https/);
  });

  it('takes origins exactly as browsers send them', () => {
    expect(faultOfOrigin('https://app.example.org')).toBeUndefined();
    expect(faultOfOrigin('http://127.0.0.1:3000')).toBeUndefined();
    expect(faultOfOrigin('https://app.example.org/')).toMatch(/origin/);
    expect(faultOfOrigin('http://app.example.org')).toMatch(/https/);
    expect(faultOfOrigin('null')).toMatch(/origin/);
  });
});
