import { createHash } from 'node:crypto';
import type { FhirEndpoints } from '#fhir-endpoints';
import { errors, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';

/** What of a request the provider would forget, or keep as it came: the scope as it was asked, and the launch as its hash. */
export const keptScope = 'gatehouse_scope';

/** The longest parameter that is kept, in characters. */
const longestParameter = 8_192;

/**
 * The rules of SMART App Launch 2.2 (2.0.3, and 4.1.4 of RFC 9700) that oidc-provider has not: which parameters it
 * keeps beside OAuth's, and what is asked of them.
 */
export function requestRules(endpoints: FhirEndpoints): NonNullable<Configuration['extraParams']> {
  return {
    aud: (ctx, aud) => {
      if (fromPushedRequest(ctx)) return;
      if (aud === undefined) throw new errors.InvalidRequest('aud is required: the URL of the FHIR server');
      if (endpoints.withBase(aud) === undefined)
        throw new errors.InvalidRequest('aud is not the FHIR server of this issuer');
    },
    launch: (ctx, launch) => {
      const params = ctx.oidc.params;
      if (fromPushedRequest(ctx) || params === undefined || launch === undefined) return;
      params['launch'] = launchDigest(launch);
    },
    [keptScope]: (ctx) => {
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
      const asked: unknown = ctx.method === 'POST' ? ctx.oidc.body?.['scope'] : ctx.query['scope'];
      params[keptScope] = typeof asked === 'string' ? asked : undefined;
    },
  };
}

/** What is kept of a launch: SHA-256 in hexadecimal. */
export function launchDigest(launch: string): string {
  return createHash('sha256').update(launch).digest('hex');
}

/** A pushed request was looked at when it was pushed (RFC 9126). */
function fromPushedRequest(ctx: KoaContextWithOIDC): boolean {
  return 'PushedAuthorizationRequest' in ctx.oidc.entities;
}
