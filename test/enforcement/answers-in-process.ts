import { parseExactly } from '#smart';
import type { HostileAnswer, HostileRequest } from '#testing';
import type { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { UpstreamFailed } from '../../apps/gateway/src/ask-upstream/upstream-failed.js';
import { fhirError } from '../../apps/gateway/src/proxy/operation-outcome.js';

/** The FHIR server as the gateway asks it. */
export type UpstreamPort = Pick<Upstream, 'ask' | 'send' | 'pass' | 'base'> & Partial<Pick<Upstream, 'read'>>;

type Handle = (request: HostileRequest) => HostileAnswer | Promise<HostileAnswer>;

/** How the gateway asks a FHIR server in the same process, as it would by HTTP. */
export function askedOf(handle: Handle): UpstreamPort['ask'] {
  return async ({ method, target, form, body = form }) => {
    const answer = await handle({ method, target, ...(body === undefined ? {} : { body }) });
    if (answer.status === 404 || answer.status === 410)
      throw new UpstreamFailed(fhirError(404, 'not-found', 'There is no such resource.'));
    if (answer.status !== 200) throw new UpstreamFailed(fhirError(502, 'transient', 'x'));
    const { etag, 'last-modified': lastModified } = answer.headers;
    return {
      resource: parseExactly(answer.body),
      text: answer.body,
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
    };
  };
}

/** How it sends a write there. */
export function sentTo(handle: Handle): UpstreamPort['send'] {
  return async ({ method, target, body, ifMatch }) => {
    const answer = await handle({
      method,
      target,
      ...(body === undefined ? {} : { body }),
      headers: ifMatch === undefined ? {} : { 'if-match': ifMatch },
    });
    const { etag, location } = answer.headers;
    return {
      status: answer.status,
      resource: parseExactly(answer.body),
      ...(etag === undefined ? {} : { etag }),
      ...(location === undefined ? {} : { location }),
    };
  };
}
