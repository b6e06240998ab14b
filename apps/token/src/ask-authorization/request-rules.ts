import { createHash } from 'node:crypto';
import type { FhirEndpoints } from '#fhir-endpoints';
import { errors, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import { asProven, type ProvenKey } from '../prove-possession/possession.js';

/** What of a request the provider would forget, or keep as it came: the scope as it was asked, and the launch as its hash. */
export const keptScope = 'gatehouse_scope';

/** The longest parameter that is kept, in characters. */
const longestParameter = 8_192;

/**
 * The rules of SMART App Launch 2.2 (2.0.3, and 4.1.4 of RFC 9700) that oidc-provider has not: which parameters it
 * keeps beside OAuth's, and what is asked of them.
 */
export function requestRules(endpoints: FhirEndpoints, shown: ProvenKey): NonNullable<Configuration['extraParams']> {
  return {
    aud: (ctx, aud) => {
      if (fromPushedRequest(ctx)) {
        if (ctx.oidc.params !== undefined) ctx.oidc.params['aud'] = audienceAsked(ctx);
        return;
      }
      if (aud === undefined) throw new errors.InvalidRequest('aud is required: the URL of the FHIR server');
      if (endpoints.withBase(aud) === undefined)
        throw new errors.InvalidRequest('aud is not the FHIR server of this issuer');
    },
    launch: (ctx, launch) => {
      const params = ctx.oidc.params;
      if (fromPushedRequest(ctx) || params === undefined || launch === undefined) return;
      params['launch'] = launchDigest(launch);
    },
    [keptScope]: async (ctx) => {
      const params = ctx.oidc.params;
      if (params === undefined) return;
      if (params['response_mode'] !== undefined && params['response_mode'] !== 'query') {
        // Else the refusal itself would come in it.
        params['response_mode'] = undefined;
        throw new errors.UnsupportedResponseMode();
      }
      for (const [name, value] of Object.entries(params)) {
        if (typeof value !== 'string' || (value.length <= longestParameter && !value.includes('\0'))) continue;
        // It cannot be kept, and so is not echoed either.
        params[name] = undefined;
        throw new errors.InvalidRequest(`${name} is longer than ${longestParameter} characters, or has a null in it`);
      }
      if (fromPushedRequest(ctx)) return;
      if (ctx.oidc.route === 'pushed_authorization_request') await bindToShownKey(ctx, params, shown);
      const asked: unknown = ctx.method === 'POST' ? ctx.oidc.body?.['scope'] : ctx.query['scope'];
      params[keptScope] = typeof asked === 'string' ? asked : undefined;
    },
  };
}

/** What is kept of a launch: SHA-256 in hexadecimal. */
export function launchDigest(launch: string): string {
  return createHash('sha256').update(launch).digest('hex');
}

/** Who pushes a request with a proof has its code bound to that key (RFC 9449, 10.1). */
async function bindToShownKey(
  ctx: KoaContextWithOIDC,
  params: Record<string, unknown>,
  shown: ProvenKey,
): Promise<void> {
  const jkt = await shown(asProven(ctx));
  if (jkt === undefined) return;
  if (params['dpop_jkt'] !== undefined && params['dpop_jkt'] !== jkt)
    throw new errors.InvalidDpopProof('dpop_jkt names another key than the proof’s');
  params['dpop_jkt'] = jkt;
}

/**
 * The `aud` of a request. The provider keeps a pushed one as a JWT, whose own `aud` takes the parameter's place; what it was
 * stands beside it as `resource`, which the provider has set by it.
 */
export function audienceAsked(ctx: KoaContextWithOIDC): string | undefined {
  const asked: unknown = ctx.oidc.params?.[fromPushedRequest(ctx) ? 'resource' : 'aud'];
  return typeof asked === 'string' ? asked : undefined;
}

/** A pushed request was looked at when it was pushed (RFC 9126). */
function fromPushedRequest(ctx: KoaContextWithOIDC): boolean {
  return 'PushedAuthorizationRequest' in ctx.oidc.entities;
}
