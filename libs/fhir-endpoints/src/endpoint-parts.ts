import { accessSync, constants, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isLoopbackUrl, pemFaults } from '#host';
import { Type, type Static } from 'typebox';

export const closed = { additionalProperties: false };
export const HttpUrl = Type.String({ pattern: '^https?://[^?#@\\s/][^?#@\\s]*$', maxLength: 1_000 });
export const Path = Type.String({ minLength: 1, maxLength: 4_096 });

/** How this program shows the FHIR server who it is. Secrets stand in files of their own. */
export const Credential = Type.Union([
  Type.Object({ kind: Type.Literal('bearer'), tokenFile: Path }, closed),
  Type.Object(
    { kind: Type.Literal('basic'), user: Type.String({ pattern: '^[^:\\u0000-\\u001f]{1,200}$' }), passwordFile: Path },
    closed,
  ),
  Type.Object(
    {
      /** `client_credentials` with `private_key_jwt` (SMART App Launch 2.2, Backend Services). */
      kind: Type.Literal('smart-backend'),
      tokenUrl: HttpUrl,
      clientId: Type.String({ minLength: 1, maxLength: 200 }),
      /** A private JWK with `kid` and `alg` (RS384 or ES384). */
      keyFile: Path,
      scope: Type.String({ minLength: 1, maxLength: 2_000 }),
    },
    closed,
  ),
]);

/** Files in PEM: whom the server's certificate must come from, and this program's own for mutual TLS. */
export const Tls = Type.Object(
  { caFile: Type.Optional(Path), certFile: Type.Optional(Path), keyFile: Type.Optional(Path) },
  closed,
);

export type CredentialSettings = Static<typeof Credential>;
export type TlsSettings = Static<typeof Tls>;

/** Whether what goes there could be read on its way. */
export function isOpenLine(url: string): boolean {
  return url.startsWith('http:') && !isLoopbackUrl(url);
}

export function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false; // that it cannot be read is the answer
  }
}

/** What is wrong with the files that TLS is to be spoken with. That one cannot be read is told elsewhere. */
export function faultOfTls(tls: TlsSettings | undefined, url: string | undefined): string | undefined {
  const { caFile, certFile, keyFile } = tls ?? {};
  if (tls && url !== undefined && /^http:/i.test(url)) return 'https where there is tls';
  if ((certFile === undefined) !== (keyFile === undefined)) return 'certFile and keyFile together';
  const textOf = (path?: string) => (path !== undefined && isReadable(path) ? readFileSync(path, 'utf8') : undefined);
  const parts = { ca: textOf(caFile), cert: textOf(certFile), key: textOf(keyFile) };
  const [fault] = pemFaults(parts, { ca: 'caFile', cert: 'certFile', key: 'keyFile' });
  return fault && `${fault.mustBe} (${fault.name})`;
}

/** Settings with the paths of their files counted from a folder. */
export function withWholePaths<T extends object>(folder: string, settings: T): T {
  const fields = Object.entries(settings).map(([name, value]: [string, unknown]) => [
    name,
    name.endsWith('File') && typeof value === 'string' ? resolve(folder, value) : value,
  ]);
  return { ...settings, ...(Object.fromEntries(fields) as Partial<T>) };
}
