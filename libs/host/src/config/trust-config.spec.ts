import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { testAuthority } from '#testing';
import { ConfigError, loadSections } from './load-config.js';
import { TrustConfig } from './trust-config.js';

const [ours, others] = [testAuthority(), testAuthority('another authority')];
const fingerprint = (pem: string): string => new X509Certificate(pem).fingerprint256;
const before = getCACertificates('default');
let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer(ours.issue('localhost'), (_request, response) => response.end('here'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `https://localhost:${typeof address === 'object' ? address?.port : ''}/`;
});
afterAll(() => {
  setDefaultCACertificates(before);
  server.closeAllConnections();
  server.close();
});

const trusting = (tlsCa: string): TrustConfig =>
  loadSections({ name: 'any', defaultPort: 0 }, [TrustConfig], { TLS_CA: tlsCa }).get(TrustConfig);

describe('whom a process trusts', () => {
  test('is the public authorities, and with TLS_CA those that stand there, too', async () => {
    await expect(fetch(url)).rejects.toMatchObject({ cause: { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' } });
    trusting(others.ca).apply();
    await expect(fetch(url)).rejects.toThrow('fetch failed');
    trusting(`${others.ca}\n${ours.ca}`).apply();
    expect(await (await fetch(url)).text()).toBe('here');
    const still = new Set(getCACertificates('default').map(fingerprint));
    expect(before.map(fingerprint).filter((each) => !still.has(each))).toEqual([]);
  });

  test.each(['no certificate', ours.issue('localhost').key])(
    'is no text without a certificate, which is not shown',
    (text) => {
      expect(() => trusting(text)).toThrow(ConfigError);
      expect(() => trusting(text)).toThrow('TLS_CA must be one or more certificates in PEM');
      expect(() => trusting(text)).not.toThrow(text);
    },
  );
});
