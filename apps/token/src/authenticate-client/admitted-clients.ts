import type { AccessFold, EffectiveAccess } from '#access';
import { decodeProtectedHeader, errors } from 'jose';
import { clientKeyOf, type NamedKey } from './client-keys.js';
import { FetchRefused } from './guarded-fetch.js';
import type { ClientKey, RemoteKeySets } from './remote-key-sets.js';

/** Nobody can be let in here now; another try may succeed. */
export class NotServing extends Error {
  override readonly name = 'NotServing';
  readonly code = 'not-serving';
}

/** A client whose access is open, with the one key that its assertion can be signed with. */
export interface AdmittedClient {
  readonly access: OpenAccess;
  readonly key: ClientKey;
}

/** What a request was made by: open access, and the key that showed it where the client has keys. */
export interface AdmittedRequest {
  readonly access: OpenAccess;
  readonly key?: ClientKey;
  /** Thumbprint of the key that tokens are bound to, where a proof was sent (RFC 9449). */
  readonly jkt?: string;
}

/** Access that is open: approved, active, and the expiry ahead. */
export type OpenAccess = EffectiveAccess & {
  readonly status: 'open';
  readonly approvalVersion: number;
  readonly expiresAt: string;
};

/** What an enforcement point knows and may say. */
export interface Standing {
  holdsLease(): boolean;
  readonly access: Pick<AccessFold, 'byClientId'>;
}

/** Who may come for a token, out of effective access in memory: no database is asked. */
export class AdmittedClients {
  constructor(
    private readonly point: Standing,
    private readonly remote: Pick<RemoteKeySets, 'keysNamed'>,
  ) {}

  /**
   * The client that an assertion is about; undefined where it is unknown, closed, of another kind of client, or has
   * not exactly one key of that name.
   *
   * @throws NotServing without a lease: nobody knows then what is in force
   */
  async admit(clientId: string, assertion: string): Promise<AdmittedClient | undefined> {
    const access = this.open(clientId);
    const named = keyNamedIn(assertion);
    if (access?.clientType !== 'confidential-asymmetric' || named === undefined) return undefined;
    try {
      const key = await clientKeyOf(access, named, this.remote);
      return key && { access, key };
    } catch (error) {
      if (error instanceof FetchRefused) return undefined;
      throw error;
    }
  }

  /** The access of a client as it is in this tick. Throws NotServing. */
  open(clientId: string): OpenAccess | undefined {
    if (!this.point.holdsLease()) throw new NotServing('this instance does not know now what is in force');
    const access = this.point.access.byClientId(clientId, Date.now());
    return access !== undefined && isOpen(access) ? access : undefined;
  }
}

function isOpen(access: EffectiveAccess): access is OpenAccess {
  return access.status === 'open' && access.approvalVersion !== undefined && access.expiresAt !== undefined;
}

function keyNamedIn(assertion: string): NamedKey | undefined {
  try {
    const { kid, jku } = decodeProtectedHeader(assertion);
    return kid === undefined ? undefined : { kid, ...(jku === undefined ? {} : { jku }) };
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
    throw error;
  }
}
