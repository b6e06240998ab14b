import type { EffectiveAccess } from '#access';
import type { ClientKey, RemoteKeySets } from './remote-key-sets.js';

/** How the header of an assertion names its key (RFC 7515, 4.1.2 and 4.1.4). */
export interface NamedKey {
  readonly kid: string;
  /** Where it says that its keys are published. */
  readonly jku?: string;
}

/**
 * The one key of a client that its assertion can mean: inline keys and the set behind `jwksUri` together, without
 * those that were compromised. Undefined where none or several have the name, or where `jku` is not the registered
 * address (SMART App Launch 2.2, Signature Verification). Throws `FetchRefused` where the set cannot be had.
 */
export async function clientKeyOf(
  access: EffectiveAccess,
  { kid, jku }: NamedKey,
  remote: Pick<RemoteKeySets, 'keysNamed'>,
): Promise<ClientKey | undefined> {
  if (jku !== undefined && jku !== access.jwksUri) return undefined;
  const published = access.jwksUri === undefined ? [] : await remote.keysNamed(access.jwksUri, kid);
  const named = [...access.keys.filter((key) => key.kid === kid), ...published];
  const distinct = new Map(named.map((key) => [key.thumbprint, key]));
  const [key] = distinct.values();
  return distinct.size === 1 && key !== undefined && !access.deadKeyThumbprints.includes(key.thumbprint)
    ? key
    : undefined;
}
