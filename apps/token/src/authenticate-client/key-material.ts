import { importJWK } from 'jose';
import type { ClientKey } from './remote-key-sets.js';

type Material = Awaited<ReturnType<typeof importJWK>>;

/** So many keys are held as they are verified with, at some 5 kB each. Those of clients beyond are made at each use. */
const MOST = 40_000;

/** Made once for each key, since importing one costs as much as verifying with it; gone when the key is. */
const materials = new WeakMap<ClientKey, Material>();
let held = 0;
const gone = new FinalizationRegistry<undefined>(() => held--);

/** A key as it is verified with. Throws where the key is none that a client can sign its assertions with. */
export async function materialOf(key: ClientKey): Promise<Material> {
  const known = materials.get(key);
  if (known !== undefined) return known;
  const made = await importJWK({ ...key.jwk }, key.jwk['kty'] === 'RSA' ? 'RS384' : 'ES384');
  // Somebody else may have made it meanwhile.
  if (held < MOST && !materials.has(key)) {
    materials.set(key, made);
    gone.register(key, undefined);
    held++;
  }
  return made;
}

/** Whether `materialOf` has it at hand. */
export function isMade(key: ClientKey): boolean {
  return materials.has(key);
}

/** Whether another one would be held. */
export function hasRoom(): boolean {
  return held < MOST;
}
