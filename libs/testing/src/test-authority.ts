import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate with its private key, both in PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of a test's own. */
export interface TestAuthority {
  /** Its certificate, in PEM: what `KAFKA_TLS_CA` takes. */
  readonly ca: string;
  /** A certificate for 127.0.0.1 and localhost, for servers and clients, with the common name given. */
  issue(commonName: string): TestCertificate;
}

const DAY_MS = 86_400_000;

/** Makes an authority and what it signs (X.509 v3, RFC 5280; ECDSA on P-256). Node reads certificates and makes none. */
export function testAuthority(name = 'Gatehouse test authority'): TestAuthority {
  const own = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const certify = (commonName: string, publicKey: KeyObject, extensions: readonly Buffer[]): string => {
    const now = Date.now();
    const signedBy = sequence(oid('1.2.840.10045.4.3.2')); // ecdsa-with-SHA256
    const body = sequence(
      explicit(0, integer(Buffer.of(2))), // v3
      integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
      signedBy,
      distinguishedName(name),
      sequence(time(now - DAY_MS), time(now + 30 * DAY_MS)),
      distinguishedName(commonName),
      publicKey.export({ type: 'spki', format: 'der' }),
      explicit(3, sequence(...extensions)),
    );
    const signature = sign('sha256', body, own.privateKey);
    const der = sequence(body, signedBy, tagged(0x03, Buffer.concat([Buffer.of(0), signature])));
    const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
    return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
  };
  const authority = [extension('2.5.29.19', sequence(tagged(0x01, Buffer.of(0xff))))]; // basicConstraints: CA
  const server = [
    extension(
      '2.5.29.17', // subjectAltName
      sequence(tagged(0x87, Buffer.of(127, 0, 0, 1)), tagged(0x82, Buffer.from('localhost'))),
    ),
  ];
  return {
    ca: certify(name, own.publicKey, authority),
    issue(commonName) {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      return { cert: certify(commonName, publicKey, server), key };
    },
  };
}

/** DER (X.690): tag, length, content. */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, Math.floor(length / 0x100), length % 0x100];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function explicit(number: number, content: Buffer): Buffer {
  return tagged(0xa0 + number, content);
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const base128 = (value: number): number[] => {
    const digits = [value % 128];
    for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift((left % 128) + 128);
    return digits;
  };
  return tagged(0x06, Buffer.of(first * 40 + second, ...rest.flatMap(base128)));
}

function time(unixMs: number): Buffer {
  const digits = new Date(unixMs).toISOString().replace(/\D/g, '');
  return tagged(0x17, Buffer.from(`${digits.slice(2, 14)}Z`));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(oid('2.5.4.3'), tagged(0x0c, Buffer.from(commonName)))));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), tagged(0x04, value));
}
