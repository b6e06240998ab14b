import { isLoopbackUrl, readSettingsFile } from '#host';
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/schema';

const closed = { additionalProperties: false };
const Issuer = Type.String({ minLength: 1, maxLength: 2_048 });
/** A public key with a name (RFC 7517, 4); what is beside it is kept. */
const Key = Type.Object({
  kid: Type.String({ minLength: 1, maxLength: 256 }),
  kty: Type.Union([Type.Literal('RSA'), Type.Literal('EC')]),
});

/** Who vouches for software, and where its keys are: published, or in the file itself. */
const Entry = Type.Union([
  Type.Object(
    { issuer: Issuer, jwksUri: Type.String({ pattern: '^https?://[^?#@\\s/][^#@\\s]*$', maxLength: 2_048 }) },
    closed,
  ),
  Type.Object(
    { issuer: Issuer, jwks: Type.Object({ keys: Type.Array(Key, { minItems: 1, maxItems: 50 }) }, closed) },
    closed,
  ),
]);
const file = Compile(Type.Object({ issuers: Type.Array(Entry, { minItems: 1, maxItems: 100 }) }, closed));

/** One of the two: where the keys are published, or the keys. */
export type StatementIssuer =
  | { readonly issuer: string; readonly jwksUri: string; readonly jwks?: never }
  | {
      readonly issuer: string;
      readonly jwksUri?: never;
      readonly jwks: { readonly keys: readonly Static<typeof Key>[] };
    };

/** What a file of issuers says, or what is wrong with it. */
export type StatementIssuersFile =
  { readonly ok: true; readonly issuers: readonly StatementIssuer[] } | { readonly ok: false; readonly fault: string };

/** Reads the file that lists whose software statements are taken (docs/software-statements.md). */
export function readStatementIssuers(path: string): StatementIssuersFile {
  const read = readSettingsFile(path, file, 'a list of issuers');
  if (!read.ok) return read;
  const { issuers } = read.value;
  const fault = issuers.map(faultOf).find((it) => it !== undefined);
  if (fault !== undefined) return { ok: false, fault };
  if (new Set(issuers.map(({ issuer }) => issuer)).size < issuers.length)
    return { ok: false, fault: 'a list in which no issuer stands twice' };
  return { ok: true, issuers };
}

/** What no schema says: an address that nobody can read along or answer for, keys that are public and told apart. */
function faultOf(entry: StatementIssuer, at: number): string | undefined {
  if (entry.jwksUri !== undefined)
    return entry.jwksUri.startsWith('http:') && !isLoopbackUrl(entry.jwksUri)
      ? `a list of https addresses: /issuers/${at}/jwksUri`
      : undefined;
  const { keys } = entry.jwks;
  if (keys.some((key) => 'd' in key)) return `public keys alone: /issuers/${at}/jwks`;
  return new Set(keys.map(({ kid }) => kid)).size < keys.length
    ? `keys of which no two have one kid: /issuers/${at}/jwks`
    : undefined;
}
