import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The directory's private keys; generated, and never anything but a sandbox's. */
export interface DirectoryKeys {
  /** Signs access tokens (ES256). */
  readonly accessToken: JWK;
  /** Signs id_tokens (RS256). */
  readonly idToken: JWK;
  /** Sign cookies. */
  readonly cookies: readonly string[];
}

/** New keys, kept nowhere. */
export async function generateDirectoryKeys(): Promise<DirectoryKeys> {
  const [accessToken, idToken] = await Promise.all([signingKey('ES256'), signingKey('RS256')]);
  return { accessToken, idToken, cookies: [randomBytes(32).toString('base64url')] };
}

/**
 * The keys kept in a file, so that tokens stay valid across a restart; generated, readable by the owner alone, if the file is
 * not there. Throws if it is there and holds no keys: remove it (or start with `--fresh`) to get new ones.
 */
export async function keptDirectoryKeys(path: string): Promise<DirectoryKeys> {
  const kept = await readIfThere(path);
  if (kept !== undefined) return parseKeys(kept, path);
  const keys = await generateDirectoryKeys();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const unfinished = `${path}.${randomUUID()}`;
  await writeFile(unfinished, JSON.stringify(keys), { mode: 0o600 });
  await chmod(unfinished, 0o600);
  await rename(unfinished, path);
  return keys;
}

async function signingKey(alg: 'ES256' | 'RS256'): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return {
    ...(await exportJWK(privateKey)),
    alg,
    use: 'sig',
    kid: `sandbox-${alg.toLowerCase()}-${randomUUID().slice(0, 8)}`,
  };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseKeys(text: string, path: string): DirectoryKeys {
  const keys = JSON.parse(text) as Partial<DirectoryKeys> | null;
  if (keys?.accessToken?.kid === undefined || keys.idToken?.kid === undefined || !Array.isArray(keys.cookies)) {
    throw new Error(`${path} does not hold the keys of the sandbox's directory; remove it to have new ones made`);
  }
  return { accessToken: keys.accessToken, idToken: keys.idToken, cookies: keys.cookies };
}
