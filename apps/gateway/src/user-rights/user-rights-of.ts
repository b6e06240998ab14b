import { readFileSync } from 'node:fs';
import type { JWK } from 'jose';
import { type FhirEndpoint, upstreamAccessOf } from '#fhir-endpoints';
import { AskedService } from '../ask-rights/asked-service.js';
import type { NotesUnanswered } from '../ask-rights/unanswered-meter.js';
import { AuthzenRights } from './authzen/authzen-rights.js';
import { ConfiguredRights, readRightsRule, type RightsRule } from './configured-rights.js';
import { IdentitySigner } from './told-upstream/identity-signer.js';
import { ToldUpstream } from './told-upstream/told-upstream.js';
import type { UserRights } from './user-rights.js';

/** What a policy decision point is asked with where its settings do not say. */
const byDefault = { timeoutMs: 1_000, connections: 32, batch: 100 } as const;
/** What an answer takes, whatever it says beside its decisions, in bytes. */
const ANSWER_AT_MOST = 1_048_576;
const HEADER = 'gatehouse-user';

/** Who says what users may see at an endpoint; `close` ends what was opened to ask. */
export interface OpenedRights {
  readonly rights: UserRights;
  close(): Promise<void>;
}

/**
 * Reads the files that the settings name; what cannot be read stops the start.
 *
 * @param rules           what is configured for endpoints that say nothing
 * @param notesUnanswered somebody was asked and did not answer
 */
export function userRightsOf(
  { id, base, upstream, userRights }: FhirEndpoint,
  rules: readonly (readonly [string, RightsRule])[],
  notesUnanswered: NotesUnanswered,
): OpenedRights {
  const close = async () => undefined;
  switch (userRights?.kind) {
    case undefined:
      return { rights: new ConfiguredRights(new Map(rules)), close };
    case 'rules': {
      const own = userRights.rules.map(readRightsRule).filter((it) => it !== undefined);
      return { rights: new ConfiguredRights(new Map(own)), close };
    }
    case 'authzen': {
      const { name, url, batch = byDefault.batch } = userRights;
      const { timeoutMs = byDefault.timeoutMs, connections = byDefault.connections } = userRights;
      const service = new AskedService({
        name,
        url,
        access: upstreamAccessOf(userRights),
        timeoutMs,
        connections,
        maxBytes: ANSWER_AT_MOST,
        onUnanswered: notesUnanswered(name),
      });
      return {
        rights: new AuthzenRights(name, service, { id, base }, batch),
        close: async () => await service.close(),
      };
    }
    case 'upstream': {
      const { keyFile, audience = upstream.url, header = HEADER } = userRights;
      const key = JSON.parse(readFileSync(keyFile, 'utf8')) as JWK;
      const signer = new IdentitySigner({ key, issuer: base, audience, header: header.toLowerCase() });
      return { rights: new ToldUpstream(signer), close };
    }
    default:
      return userRights satisfies never;
  }
}
