import { readFileSync } from 'node:fs';
import { Type, type Static } from 'typebox';
import {
  closed,
  Credential,
  type CredentialSettings,
  faultOfTls,
  HttpUrl,
  isOpenLine,
  isReadable,
  Path,
  Tls,
  type TlsSettings,
  withWholePaths,
} from './endpoint-parts.js';

const RightsRule = Type.String({
  pattern: '^(Practitioner|PractitionerRole|RelatedPerson|Person):(everybody|patient-in-context)$',
});

/** Who says what users may see and write. */
export const UserRights = Type.Union([
  Type.Object({ kind: Type.Literal('rules'), rules: Type.Array(RightsRule, { minItems: 1, maxItems: 4 }) }, closed),
  Type.Object(
    {
      /** A policy decision point (OpenID AuthZEN Authorization API 1.0), asked about each resource. */
      kind: Type.Literal('authzen'),
      name: Type.String({ pattern: '^[\\w .-]{1,100}$' }),
      /** `/access/v1/evaluation` stands below it. */
      url: HttpUrl,
      credential: Type.Optional(Credential),
      tls: Type.Optional(Tls),
      timeoutMs: Type.Optional(Type.Integer({ minimum: 50, maximum: 30_000 })),
      connections: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
      batch: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    },
    closed,
  ),
  Type.Object(
    {
      /** The FHIR server itself, told by a signed header. */
      kind: Type.Literal('upstream'),
      /** A private JWK with `kid` and `alg`. */
      keyFile: Path,
      audience: Type.Optional(Type.String({ minLength: 1, maxLength: 1_000 })),
      header: Type.Optional(Type.String({ pattern: '^[Xx]-[A-Za-z0-9-]{1,80}$|^[Gg]atehouse-[A-Za-z0-9-]{1,80}$' })),
    },
    closed,
  ),
]);

export type UserRightsSettings = Static<typeof UserRights>;

/** What no schema says: whoever answers over an open line could be anybody, and what is told is signed with a key of one's own. */
export function faultOfRights(rights: UserRightsSettings): string | undefined {
  switch (rights.kind) {
    case 'rules':
      return undefined;
    case 'authzen': {
      const { url, credential, tls } = rights;
      return faultOfAsked(url, credential, tls);
    }
    case 'upstream':
      if (/^x-(forwarded-.*|purpose-of-use)$/i.test(rights.header ?? '')) return 'a header that means nothing else';
      return isReadable(rights.keyFile) && !isSigningKey(rights.keyFile)
        ? 'a private JWK with kid and alg (ES256, ES384, RS256, RS384, PS256, EdDSA)'
        : undefined;
    default:
      return rights satisfies never;
  }
}

function faultOfAsked(url: string, credential?: CredentialSettings, tls?: TlsSettings): string | undefined {
  if (isOpenLine(url) || (credential?.kind === 'smart-backend' && isOpenLine(credential.tokenUrl))) return 'https';
  const pem = faultOfTls(tls, url);
  if (pem !== undefined) return pem;
  const missing = [credential ?? {}, tls ?? {}]
    .flatMap((settings) => Object.entries(settings))
    .find(([name, value]: [string, unknown]) => name.endsWith('File') && !isReadable(String(value)));
  return missing && `readable files (${missing[0]})`;
}

/** Whether a file holds a private key of a pair, with its name and what it signs with. */
function isSigningKey(path: string): boolean {
  try {
    const key = JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, unknown>> | null;
    const named = typeof key?.['kid'] === 'string' && typeof key['d'] === 'string';
    return named && /^(ES256|ES384|RS256|RS384|PS256|EdDSA)$/.test(String(key['alg']));
  } catch {
    return false; // that it cannot be read is the answer
  }
}

/** Settings with their paths counted from a folder. */
export function withRightsPaths(folder: string, rights: UserRightsSettings): UserRightsSettings {
  if (rights.kind !== 'authzen') return withWholePaths(folder, rights);
  const { credential, tls } = rights;
  return {
    ...rights,
    ...(credential === undefined ? {} : { credential: withWholePaths(folder, credential) }),
    ...(tls === undefined ? {} : { tls: withWholePaths(folder, tls) }),
  };
}
