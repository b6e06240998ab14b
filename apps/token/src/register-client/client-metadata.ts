import type { OtherMetadata, ReviewedMetadata } from '#contracts';

/** An error of RFC 7591, 3.2.2. */
export interface MetadataFault {
  readonly error: 'invalid_client_metadata' | 'invalid_redirect_uri';
  readonly fault: string;
}

/** What a client declares, as registration has it. */
export interface DeclaredClient {
  readonly reviewed: ReviewedMetadata;
  readonly other: Omit<OtherMetadata, 'contacts'>;
  readonly contacts?: readonly string[];
  readonly jwks: readonly Readonly<Record<string, unknown>>[];
}

/** An application as registration's outcomes show it, as far as a client is told of it. */
export interface ShownApplication extends Omit<ReviewedMetadata, 'scopes'> {
  readonly requestedScopes: readonly string[];
  readonly pending?: Partial<ReviewedMetadata> & { readonly removed?: readonly string[] };
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] };
  readonly secrets: readonly { readonly id: string }[];
  /** Keys and secrets that count once they are confirmed. */
  readonly unconfirmed: readonly { readonly id: string }[];
  /** Where it was approved, also where that has expired. */
  readonly approvalVersion?: number;
  readonly createdAt: string;
}

type Body = Readonly<Record<string, unknown>>;

const methods = {
  none: 'public',
  client_secret_basic: 'confidential-symmetric',
  client_secret_post: 'confidential-symmetric',
  private_key_jwt: 'confidential-asymmetric',
} as const satisfies Record<string, ReviewedMetadata['clientType']>;
const methodOf = {
  public: 'none',
  'confidential-symmetric': 'client_secret_basic',
  'confidential-asymmetric': 'private_key_jwt',
} as const satisfies Record<ReviewedMetadata['clientType'], string>;
const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials'];

/** What RFC 7591, 2 calls our fields. The rest of it, and what is not understood, is passed over. */
const links = [
  ['policy_uri', 'privacyPolicyUri'],
  ['tos_uri', 'termsUri'],
  ['logo_uri', 'logoUri'],
  ['jwks_uri', 'jwksUri'],
  ['launch_uri', 'launchUri'],
] as const;

/** Flags: RFC 9126, 6 and RFC 9449, 5.2. False unless said. */
const flags = [
  ['require_pushed_authorization_requests', 'requirePushedAuthorizationRequests'],
  ['dpop_bound_access_tokens', 'dpopBoundAccessTokens'],
] as const;

/** Every field of what is reviewed, under the name that it has in RFC 7591. */
const names: readonly (readonly [theirs: string, ours: keyof ReviewedMetadata])[] = [
  ['client_name', 'name'],
  ['scope', 'scopes'],
  ['grant_types', 'kind'],
  ['token_endpoint_auth_method', 'clientType'],
  ['redirect_uris', 'redirectUris'],
  ['purposes_of_use', 'purposesOfUse'],
  ...links,
  ...flags,
];

/**
 * Metadata as a software statement has it, and beside it what the statement is silent about (RFC 7591, 2.3). By which keys the
 * client is known is one thing: who says it in one way has said it.
 */
export function withStatement(body: Body, claims: Body): Body {
  const saysKeys = claims['jwks'] !== undefined || claims['jwks_uri'] !== undefined;
  const { jwks: _keys, jwks_uri: _where, ...others } = body;
  return { ...(saysKeys ? others : body), ...claims };
}

/** The fields of the reviewed metadata that claims speak of, in our words. */
export function fieldsIn(claims: Body): (keyof ReviewedMetadata)[] {
  return names.filter(([theirs]) => claims[theirs] !== undefined).map(([, ours]) => ours);
}

/** A rule that a field breaks; caught where the metadata is read. */
class Malformed extends Error {
  constructor(readonly told: MetadataFault) {
    super(told.fault);
  }
}

/**
 * Client metadata (RFC 7591, 2) as registration's. Whether what it declares may be registered is for registration to
 * decide. Besides RFC 7591's fields: `launch_uri` of SMART, and `purposes_of_use` (v3 PurposeOfUse, each with its
 * justification), which an application that patients use may leave out.
 *
 * @param known purposes of an application that has registered them before
 */
export function readClientMetadata(
  body: Body,
  known?: ReviewedMetadata['purposesOfUse'],
): DeclaredClient | MetadataFault {
  try {
    return declared(body, known);
  } catch (error) {
    if (error instanceof Malformed) return error.told;
    throw error;
  }
}

function declared(body: Body, known: ReviewedMetadata['purposesOfUse'] | undefined): DeclaredClient {
  const method = text(body, 'token_endpoint_auth_method', 64) ?? 'client_secret_basic';
  if (!isMethod(method)) throw invalid(`token_endpoint_auth_method must be one of ${Object.keys(methods).join(', ')}`);
  const grants = texts(body, 'grant_types', 64) ?? ['authorization_code'];
  if (grants.length === 0 || grants.some((grant) => !grantTypes.includes(grant)))
    throw invalid(`grant_types must be of ${grantTypes.join(', ')}`);
  const backend = grants.every((grant) => grant === 'client_credentials');
  const responses = texts(body, 'response_types', 64) ?? (backend ? [] : ['code']);
  if (responses.some((type) => type !== 'code')) throw invalid('response_types must be code');
  const scopes = (text(body, 'scope', 8_192) ?? '').split(' ').filter((scope) => scope !== '');
  const ofUsers = scopes.some((scope) => scope.startsWith('user/') || scope.startsWith('system/'));
  const kind = backend ? 'backend' : ofUsers ? 'provider' : 'patient-access';
  const name = text(body, 'client_name', 200);
  if (name === undefined) throw invalid('client_name is required');
  const contacts = texts(body, 'contacts', 254);
  if (
    contacts !== undefined &&
    (contacts.length > 20 || !contacts.every((it) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(it)))
  )
    throw invalid('contacts must be at most 20 mail addresses');
  const jwks = keysIn(body['jwks']);
  const given = links.flatMap(([theirs, ours]): [string, string][] => {
    const uri = text(body, theirs, 2_048);
    return uri === undefined ? [] : [[ours, uri]];
  });
  const required = flags.filter(([theirs]) => flag(body, theirs)).map(([, ours]) => [ours, true as const] as const);
  return {
    reviewed: {
      name,
      kind,
      clientType: methods[method],
      scopes,
      purposesOfUse: purposes(body['purposes_of_use'], kind) ?? known ?? purposesUnsaid(kind),
      redirectUris: texts(body, 'redirect_uris', 2_048, 'invalid_redirect_uri') ?? [],
      allowedOrigins: [],
      ...Object.fromEntries(given),
      ...Object.fromEntries(required),
    },
    other: { description: '', attestations: [], documents: [] },
    jwks,
    ...(contacts === undefined || contacts.length === 0 ? {} : { contacts }),
  };
}

/** The metadata that is registered (RFC 7591, 3.2.1). Where a change waits for review, what was declared. */
export function describeClient(application: ShownApplication): Readonly<Record<string, unknown>> {
  const { removed = [], ...changed } = application.pending ?? {};
  const now = { ...application, ...changed };
  const declared = <Name extends keyof ReviewedMetadata & keyof typeof now>(name: Name) =>
    removed.includes(name) ? undefined : now[name];
  const softwareId = declared('softwareStatement')?.softwareId;
  const forItself = now.clientType === 'confidential-asymmetric' ? ['client_credentials'] : [];
  const backend = now.kind === 'backend';
  return {
    client_id_issued_at: Math.floor(Date.parse(application.createdAt) / 1000),
    client_name: now.name,
    token_endpoint_auth_method: methodOf[now.clientType],
    grant_types: backend ? forItself : ['authorization_code', 'refresh_token', ...forItself],
    response_types: backend ? [] : ['code'],
    redirect_uris: now.redirectUris,
    scope: application.requestedScopes.join(' '),
    purposes_of_use: now.purposesOfUse,
    ...Object.fromEntries(
      links.flatMap(([theirs, ours]) => (declared(ours) === undefined ? [] : [[theirs, declared(ours)]])),
    ),
    ...Object.fromEntries(flags.map(([theirs, ours]) => [theirs, declared(ours) === true])),
    ...(softwareId === undefined ? {} : { software_id: softwareId }),
    ...(application.jwks.keys.length === 0 ? {} : { jwks: application.jwks }),
  };
}

/** What a refusal of registration's is called here: a fault of a redirect URI is told apart (RFC 7591, 3.2.2). */
export function faultOfRefusal(
  errors: readonly { readonly pointer: string; readonly detail: string }[],
  detail: string,
): MetadataFault {
  const fault = errors.map((each) => `${theirNameOf(each.pointer)} ${each.detail}`).join('; ') || detail;
  const error =
    errors[0]?.pointer.startsWith('/redirectUris') === true ? 'invalid_redirect_uri' : 'invalid_client_metadata';
  return { error, fault };
}

function theirNameOf(pointer: string): string {
  const [, field = '', ...rest] = pointer.split('/');
  return [names.find(([, ours]) => ours === field)?.[0] ?? field, ...rest].join('/');
}

function isMethod(method: string): method is keyof typeof methods {
  return Object.hasOwn(methods, method);
}

function keysIn(jwks: unknown): DeclaredClient['jwks'] {
  if (jwks === undefined) return [];
  const keys = isRecord(jwks) ? jwks['keys'] : undefined;
  if (!Array.isArray(keys) || keys.length > 20 || !keys.every(isRecord)) throw invalid('jwks must be a JWK Set');
  return keys;
}

function purposes(given: unknown, kind: string): ReviewedMetadata['purposesOfUse'] | undefined {
  if (given === undefined) return undefined;
  const read = Array.isArray(given)
    ? given.flatMap((each: unknown) => {
        const { code, justification } = isRecord(each) ? each : {};
        const fits = typeof code === 'string' && typeof justification === 'string' && isShort(justification);
        return fits && code !== '' && code.length <= 64 && justification !== '' ? [{ code, justification }] : [];
      })
    : [];
  if (!Array.isArray(given) || read.length !== given.length || read.length === 0 || read.length > 20)
    throw invalid(`purposes_of_use of a ${kind} application must be 1 to 20 of { code, justification }`);
  return read;
}

function purposesUnsaid(kind: string): ReviewedMetadata['purposesOfUse'] {
  if (kind !== 'patient-access') throw invalid('purposes_of_use is required, but for an application that patients use');
  return [{ code: 'PATRQT', justification: 'Registered for use at the request of patients.' }];
}

function text(body: Body, name: string, most: number): string | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value === '' || value.length > most || value.includes('\0'))
    throw invalid(`${name} must be a text of 1 to ${most} characters`);
  return value;
}

function flag(body: Body, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value !== 'boolean') throw invalid(`${name} must be true or false`);
  return value;
}

function texts(
  body: Body,
  name: string,
  most: number,
  error: MetadataFault['error'] = 'invalid_client_metadata',
): string[] | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  const fits = (it: unknown): it is string =>
    typeof it === 'string' && it !== '' && it.length <= most && !it.includes('\0');
  if (!Array.isArray(value) || value.length > 50 || !value.every(fits))
    throw new Malformed({ error, fault: `${name} must be at most 50 texts of 1 to ${most} characters` });
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(fault: string): Malformed {
  return new Malformed({ error: 'invalid_client_metadata', fault });
}

function isShort(justification: string): boolean {
  return justification.length <= 2_000 && !justification.includes('\0');
}
