import { exportJWK, generateKeyPair } from 'jose';
import type { ToldIdentity } from '../../ask-rights/call-rights.js';
import { type Upstream, UpstreamFailed } from '../../ask-upstream/upstream.js';
import { forNobody } from '../../write/probe-resource.js';
import { IdentitySigner } from './identity-signer.js';

/** A server that did not look is asked again after a minute, one that did after an hour: milliseconds. */
const ASK_AGAIN_MS = { no: 60_000, yes: 3_600_000 } as const;

/**
 * Whether a FHIR server looks at who it is told that acts, found out with a word that nobody's key has signed: a server
 * that takes it would give everybody's data to any user.
 */
export class IdentitySupport {
  #found: { readonly looks: boolean; readonly atMs: number } | undefined;
  #asking: Promise<boolean> | undefined;

  constructor(
    private readonly upstream: Pick<Upstream, 'ask' | 'base'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * @param header the header that it is told in
   * @throws UpstreamFailed when the server cannot be asked now
   */
  async of({ header }: Pick<ToldIdentity, 'header'>): Promise<boolean> {
    const { looks, atMs } = this.#found ?? {};
    if (looks !== undefined && atMs !== undefined && this.now() - atMs < ASK_AGAIN_MS[looks ? 'yes' : 'no'])
      return looks;
    this.#asking ??= this.#ask(header).finally(() => (this.#asking = undefined));
    return await this.#asking;
  }

  async #ask(header: string): Promise<boolean> {
    const looks = await this.#refusesForged(header);
    this.#found = { looks, atMs: this.now() };
    return looks;
  }

  async #refusesForged(header: string): Promise<boolean> {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const key = { ...(await exportJWK(privateKey)), alg: 'ES256', kid: 'nobody' };
    const { base } = this.upstream;
    const identity = new IdentitySigner({ key, issuer: base, audience: base, header }).of({
      user: { type: 'Practitioner', id: 'nobody' },
      claims: { subject: 'nobody', clientId: 'gatehouse', applicationId: 'gatehouse', scopes: [] },
      purposesOfUse: [],
    });
    try {
      await this.upstream.ask({ method: 'GET', target: '/Patient?_count=1' }, { ...forNobody(), identity });
      return false;
    } catch (error) {
      if (!(error instanceof UpstreamFailed)) throw error;
      if (error.upstreamStatus === undefined) throw error;
      return error.upstreamStatus === 401 || error.upstreamStatus === 403;
    }
  }
}
