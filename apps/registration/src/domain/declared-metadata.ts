import type { OtherMetadata, ReviewedMetadata } from '#contracts';
import { parseScopes, type Scope } from '#smart';
import { faultOfName } from './application-name.js';
import { faultOfLaunchUri, faultOfLink, faultOfOrigin, faultOfRedirectUri } from './declared-uris.js';
import { purposesOfUse } from './purposes-of-use.js';
import type { Fault } from './refusals.js';

/** Everything in the metadata that breaks a rule of registration (security.md, Registration; smart.md), all at once. */
export function faultsOfMetadata(
  reviewed: ReviewedMetadata,
  other: Pick<OtherMetadata, 'documents'>,
): readonly Fault[] {
  return [
    ...at('/name', faultOfName(reviewed.name)),
    ...faultsOfScopes(reviewed),
    ...faultsOfPurposes(reviewed.purposesOfUse),
    ...faultsOfClientType(reviewed),
    ...faultsOfUris(reviewed),
    ...each('/documents', other.documents, ({ uri }) => faultOfLink(uri)).map((fault) => ({
      ...fault,
      pointer: `${fault.pointer}/uri`,
    })),
  ];
}

/** How an asymmetric client is known, and no other: at registration by its keys or their URL, not both. */
export function faultsOfKeys(reviewed: ReviewedMetadata, keys: number, registering: boolean): readonly Fault[] {
  const asymmetric = reviewed.clientType === 'confidential-asymmetric';
  const byUrl = reviewed.jwksUri !== undefined;
  if (!asymmetric) {
    return [
      ...(keys > 0 && registering ? at('/jwks', 'is for clients of type confidential-asymmetric') : []),
      ...(byUrl ? at('/jwksUri', 'is for clients of type confidential-asymmetric') : []),
    ];
  }
  if (keys === 0 && !byUrl) return at('/jwks', 'is required, or jwksUri, for a confidential-asymmetric client');
  // Later both may stand for a while, so that a client can move from one to the other.
  if (registering && keys > 0 && byUrl) return at('/jwksUri', 'must not stand beside jwks: give one of them');
  return [];
}

function faultsOfScopes(reviewed: ReviewedMetadata): readonly Fault[] {
  if (reviewed.scopes.length === 0) return at('/scopes', 'must name at least one scope');
  const parsed = parseScopes(reviewed.scopes);
  if (!parsed.ok) {
    return parsed.faults.map(({ index, position, expected }) => ({
      pointer: `/scopes/${index}`,
      detail: `at character ${position}: expected ${expected}`,
    }));
  }
  return each('/scopes', parsed.scopes, (scope) => faultOfScope(scope, reviewed));
}

/** Which scopes a kind of application may ask for at all; what it then gets is for the reviewer. */
function faultOfScope(scope: Scope, { kind, clientType }: ReviewedMetadata): string | undefined {
  const ofSystem = scope.kind === 'resource' && scope.context === 'system';
  if (kind === 'backend') {
    return ofSystem ? undefined : 'is for applications with a user: a backend service asks for system/ scopes alone';
  }
  if (!ofSystem) return undefined;
  if (clientType === 'public') return 'is not for public clients: system/ access needs a client that can authenticate';
  return kind === 'patient-access' ? 'is not for applications that patients use: ask for patient/ scopes' : undefined;
}

function faultsOfPurposes(purposes: ReviewedMetadata['purposesOfUse']): readonly Fault[] {
  if (purposes.length === 0) return at('/purposesOfUse', 'must name at least one purpose');
  return purposes.flatMap(({ code }, index) => {
    const pointer = `/purposesOfUse/${index}/code`;
    if (!purposesOfUse.has(code)) return at(pointer, 'is not a code of the HL7 v3 value set PurposeOfUse');
    const first = purposes.findIndex((purpose) => purpose.code === code);
    return first < index ? at(pointer, `repeats number ${first + 1}`) : [];
  });
}

function faultsOfClientType({ kind, clientType }: ReviewedMetadata): readonly Fault[] {
  return kind === 'backend' && clientType !== 'confidential-asymmetric'
    ? at('/clientType', 'must be confidential-asymmetric for a backend service (SMART Backend Services)')
    : [];
}

function faultsOfUris(reviewed: ReviewedMetadata): readonly Fault[] {
  const { kind, clientType, redirectUris, allowedOrigins } = reviewed;
  return [
    ...faultsOfNumber(kind, redirectUris.length),
    ...each(
      '/redirectUris',
      redirectUris,
      (uri, index) => faultOfRedirectUri(uri, clientType) ?? repeated(redirectUris, index),
    ),
    ...each(
      '/allowedOrigins',
      allowedOrigins,
      (origin, index) => faultOfOrigin(origin) ?? repeated(allowedOrigins, index),
    ),
    ...optional('/launchUri', reviewed.launchUri, faultOfLaunchUri),
    ...optional('/jwksUri', reviewed.jwksUri, faultOfLink),
    ...optional('/privacyPolicyUri', reviewed.privacyPolicyUri, faultOfLink),
    ...optional('/termsUri', reviewed.termsUri, faultOfLink),
    ...optional('/logoUri', reviewed.logoUri, faultOfLink),
  ];
}

function faultsOfNumber(kind: ReviewedMetadata['kind'], redirectUris: number): readonly Fault[] {
  if (kind === 'backend')
    return redirectUris > 0 ? at('/redirectUris', 'is not for a backend service: it has no user to send back') : [];
  return redirectUris === 0 ? at('/redirectUris', 'must name at least one URI') : [];
}

function repeated(values: readonly string[], index: number): string | undefined {
  const first = values.indexOf(values[index] ?? '');
  return first < index ? `repeats number ${first + 1}` : undefined;
}

function optional(
  pointer: string,
  value: string | undefined,
  rule: (value: string) => string | undefined,
): readonly Fault[] {
  return value === undefined ? [] : at(pointer, rule(value));
}

function each<T>(
  pointer: string,
  values: readonly T[],
  rule: (value: T, index: number) => string | undefined,
): readonly Fault[] {
  return values.flatMap((value, index) => at(`${pointer}/${index}`, rule(value, index)));
}

function at(pointer: string, detail: string | undefined): readonly Fault[] {
  return detail === undefined ? [] : [{ pointer, detail }];
}
