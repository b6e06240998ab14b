import { randomBytes } from 'node:crypto';
import { oauthPaths } from '#smart';
import { decodeJwt, errors as jose, type JWK } from 'jose';
import { Provider, errors, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import type { AdmittedClient, AdmittedClients } from '../authenticate-client/admitted-clients.js';
import { assertionAlgorithms, checkAssertion, clockTolerance } from '../authenticate-client/assertion-rules.js';
import type { SpentAssertions } from '../authenticate-client/spent-assertions.js';
import { accessClaims, clientCredentials, issueToken } from '../issue-token/issue-token.js';
import type { TokenFacts } from '../issue-token/token-facts.js';
import { clientAdapter, type Admissions } from './client-adapter.js';
import { orUnavailable } from './oauth-errors.js';
import { accessTokenAlgorithm } from './signing-keys.js';

export interface AuthorizationServerOptions {
  /** `PUBLIC_URL`, which is the issuer. */
  readonly publicUrl: string;
  /** The private key that signs access tokens. */
  readonly key: JWK;
  readonly clients: AdmittedClients;
  readonly spent: Pick<SpentAssertions, 'spend'>;
  readonly facts: TokenFacts;
}

/**
 * The token endpoint (`/oauth/token`) and the key set (`/oauth/jwks`) on oidc-provider: `private_key_jwt` alone, for
 * clients whose access is open. It keeps no state of its own.
 */
export function authorizationServer({ publicUrl, key, clients, spent, facts }: AuthorizationServerOptions): Provider {
  const admissions: Admissions = new WeakMap();
  const admitted = (ctx: KoaContextWithOIDC): AdmittedClient => {
    const client = admissions.get(ctx);
    if (client === undefined) throw new errors.InvalidClientAuth('no client was authenticated');
    return client;
  };
  const configuration: Configuration = {
    adapter: clientAdapter(clients, admissions),
    // No browser comes here yet; the provider asks for a key all the same.
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    jwks: { keys: [key] as NonNullable<Configuration['jwks']>['keys'] },
    routes: { token: oauthPaths.token, jwks: oauthPaths.jwks },
    clientAuthMethods: ['private_key_jwt'],
    clientDefaults: {
      grant_types: [clientCredentials],
      response_types: [],
      id_token_signed_response_alg: accessTokenAlgorithm,
    },
    enabledJWA: {
      clientAuthSigningAlgValues: [...assertionAlgorithms],
      idTokenSigningAlgValues: [accessTokenAlgorithm],
    },
    responseTypes: [],
    scopes: [],
    clockTolerance,
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: { enabled: false },
    },
    assertJwtClientAuthClaimsAndHeader: async (_ctx, claims, header) => {
      const checked = checkAssertion(header, claims, Date.now() / 1000);
      if (!checked.ok) throw new errors.InvalidClientAuth(checked.fault);
      if (!(await orUnavailable(() => spent.spend(checked.assertion))))
        throw new errors.InvalidClientAuth('the assertion was used before, or made before the replay guard was');
    },
    extraTokenClaims: (ctx) => accessClaims(admitted(ctx)),
    renderError: (ctx, out) => {
      ctx.type = 'application/json';
      ctx.body = out;
    },
  };
  const provider = new Provider(publicUrl, configuration);
  // `mountHandler` sets the forwarded headers itself, from PUBLIC_URL.
  provider.proxy = true;
  provider.registerGrantType<{ scope?: string }>(
    clientCredentials,
    (ctx) => issueToken({ provider, clients, facts, audience: `${publicUrl}/fhir`, admitted }, ctx),
    ['scope'],
  );
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.path === oauthPaths.token) ctx.set('pragma', 'no-cache');
    if (ctx.status === 503) ctx.set('retry-after', '1');
  });
  provider.on('grant.error', (ctx, error) => {
    if (error.statusCode >= 500) return;
    facts.refused(admissions.get(ctx)?.access.applicationId, {
      clientId: clientNamed(ctx),
      ...(typeof ctx.oidc.params?.['grant_type'] === 'string'
        ? { grantType: ctx.oidc.params['grant_type'].slice(0, 100) }
        : {}),
      error: error.error,
      reason: error.error_detail ?? error.error_description ?? error.error,
      clientAddress: ctx.ip,
    });
  });
  return provider;
}

/** Whom a refused request said to be: for the record, believed by nobody. */
function clientNamed(ctx: KoaContextWithOIDC): string {
  const { client_id: named, client_assertion: assertion } = ctx.oidc.params ?? {};
  return (
    typeof named === 'string' ? named : typeof assertion === 'string' ? (subjectOf(assertion) ?? 'unknown') : 'unknown'
  ).slice(0, 128);
}

function subjectOf(assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).sub;
  } catch (error) {
    if (error instanceof jose.JOSEError) return undefined;
    throw error;
  }
}
