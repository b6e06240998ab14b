import type { SigningKey } from './key-service.js';

/**
 * A JWT (RFC 7519, 7.1) signed by a key that may be anywhere.
 *
 * @throws SigningUnavailable
 */
export async function signJwt(
  key: SigningKey,
  claims: Readonly<Record<string, unknown>>,
  header: { readonly typ?: string } = {},
): Promise<string> {
  const said = [{ alg: key.alg, ...header, kid: key.kid }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  const input = said.join('.');
  const signature = Buffer.from(await key.sign(Buffer.from(input, 'ascii'))).toString('base64url');
  return `${input}.${signature}`;
}
