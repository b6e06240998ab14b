import { calculateJwkThumbprint, type JWK } from 'jose';
import { Type } from 'typebox';
import { Compile } from 'typebox/schema';
import {
  publicPart,
  SigningUnavailable,
  type KeptKey,
  type KeyService,
  type SigningAlgorithm,
  type SigningKey,
} from './key-service.js';

/** How long an answer may take, in milliseconds: a client waits for its token. */
const answerWithinMs = 5_000;

const Made = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 512 }),
  publicJwk: Type.Record(Type.String(), Type.Unknown()),
});
const Signed = Type.Object({ signature: Type.String({ pattern: '^[A-Za-z0-9_-]{64,1024}$' }) });
const Remote = Type.Object({
  remote: Type.String(),
  alg: Type.Union([Type.Literal('ES256'), Type.Literal('RS256')]),
  kid: Type.String(),
});
const [isMade, isSigned, isRemote] = [Compile(Made), Compile(Signed), Compile(Remote)];

/** Where the service is, and the bearer token that it knows us by. */
export interface RemoteKeysOptions {
  readonly url: string;
  readonly token: string;
}

/**
 * Keys that a KMS or HSM holds and never lets out, behind two calls over HTTPS (docs/adr/0022):
 * `POST {url}/keys {alg}` → 201 `{id, publicJwk}`, and `POST {url}/keys/{id}/signatures {alg, input}` → 201 `{signature}`,
 * both base64url. A proxy of a few lines speaks them for AWS KMS, Google Cloud KMS, Vault Transit or PKCS#11.
 */
export function remoteKeys(options: RemoteKeysOptions): KeyService {
  return {
    async make(alg) {
      const made = await post(options, '/keys', { alg });
      if (!isMade.Check(made)) throw new SigningUnavailable('the key service made no key as agreed');
      const jwk: JWK = publicPart(made.publicJwk, alg, '');
      const kid = await calculateJwkThumbprint(jwk);
      return { remote: made.id, ...texts(publicPart(made.publicJwk, alg, kid)), alg, kid };
    },
    open(kept) {
      if (!isRemote.Check(kept)) return undefined;
      const { remote, alg, kid } = kept;
      const path = `/keys/${encodeURIComponent(remote)}/signatures`;
      const sign = async (input: Uint8Array): Promise<Uint8Array> => {
        const signed = await post(options, path, { alg, input: Buffer.from(input).toString('base64url') });
        if (!isSigned.Check(signed)) throw new SigningUnavailable('the key service gave no signature as agreed');
        return Buffer.from(signed.signature, 'base64url');
      };
      return remoteKey(alg, kid, kept, sign);
    },
  };
}

function remoteKey(alg: SigningAlgorithm, kid: string, kept: KeptKey, sign: SigningKey['sign']): SigningKey {
  return { alg, kid, publicJwk: publicPart(kept, alg, kid), sign };
}

async function post({ url, token }: RemoteKeysOptions, path: string, body: object): Promise<unknown> {
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    redirect: 'error',
    signal: AbortSignal.timeout(answerWithinMs),
  }).catch((error: unknown) => {
    throw new SigningUnavailable('the key service does not answer', { cause: error });
  });
  if (answer.status !== 201) throw new SigningUnavailable(`the key service answered ${String(answer.status)}`);
  return answer.json().catch((error: unknown) => {
    throw new SigningUnavailable('the key service did not answer in JSON', { cause: error });
  });
}

function texts(jwk: JWK): Record<string, string> {
  return Object.fromEntries(
    Object.entries(jwk).filter((part): part is [string, string] => typeof part[1] === 'string'),
  );
}
