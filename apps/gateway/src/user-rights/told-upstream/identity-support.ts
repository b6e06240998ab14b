import { exportJWK, generateKeyPair } from 'jose';
import type { ToldIdentity } from '../../ask-rights/call-rights.js';
import type { Upstream } from '../../ask-upstream/upstream.js';
import { UpstreamFailed } from '../../ask-upstream/upstream-failed.js';
import { forNobody } from '../../write/probe-resource.js';
import { IdentitySigner } from './identity-signer.js';

/** A server that did not look is asked again after a minute, one that did after an hour: milliseconds. */
const ASK_AGAIN_MS = { ignores: 60_000, looks: 3_600_000 } as const;

/** `unknown`: it refuses the question itself, so that its refusals say nothing of the word. Never kept. */
export type Looking = keyof typeof ASK_AGAIN_MS | 'unknown';

/**
 * Whether a FHIR server looks at who it is told that acts, found out with a word that nobody's key has signed: a server
 * that takes it would give everybody's data to any user. A refusal counts where the same request without a word is answered,
 * as a backend's is: else it may be this program that is refused.
 */
export class IdentitySupport {
  #found: { readonly looking: keyof typeof ASK_AGAIN_MS; readonly atMs: number } | undefined;
  #asking: Promise<Looking> | undefined;

  constructor(
    private readonly upstream: Pick<Upstream, 'ask' | 'base'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * @param header the header that it is told in
   * @throws UpstreamFailed when the server cannot be asked now
   */
  async of({ header }: Pick<ToldIdentity, 'header'>): Promise<Looking> {
    const found = this.#found;
    if (found && this.now() - found.atMs < ASK_AGAIN_MS[found.looking]) return found.looking;
    this.#asking ??= this.#ask(header).finally(() => (this.#asking = undefined));
    return await this.#asking;
  }

  async #ask(header: string): Promise<Looking> {
    const looking = await this.#look(await this.#forged(header));
    this.#found = looking === 'unknown' ? undefined : { looking, atMs: this.now() };
    return looking;
  }

  /**
   * The forged word goes twice, around the request without: a credential that lapsed is renewed once it was refused, and
   * the first refusal may have been that one's.
   */
  async #look(forged: ToldIdentity): Promise<Looking> {
    if (!isRefusal(await this.#statusOf(forged))) return 'ignores';
    if ((await this.#statusOf()) !== 200) return 'unknown';
    return isRefusal(await this.#statusOf(forged)) ? 'looks' : 'ignores';
  }

  async #forged(header: string): Promise<ToldIdentity> {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const key = { ...(await exportJWK(privateKey)), alg: 'ES256', kid: 'nobody' };
    const { base } = this.upstream;
    return new IdentitySigner({ key, issuer: base, audience: base, header }).of({
      user: { type: 'Practitioner', id: 'nobody' },
      claims: { subject: 'nobody', clientId: 'gatehouse', applicationId: 'gatehouse', scopes: [] },
      purposesOfUse: [],
    });
  }

  /** What the server answers to a list of patients, of which nothing is kept. */
  async #statusOf(identity?: ToldIdentity): Promise<number> {
    try {
      await this.upstream.ask({ method: 'GET', target: '/Patient?_count=1' }, { ...forNobody(), identity });
      return 200;
    } catch (error) {
      if (!(error instanceof UpstreamFailed) || error.upstreamStatus === undefined) throw error;
      return error.upstreamStatus;
    }
  }
}

function isRefusal(status: number): boolean {
  return status === 401 || status === 403;
}
