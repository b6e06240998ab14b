import type { Reach } from '#smart';
import type { ToldIdentity } from '../../ask-rights/call-rights.js';
import { unanswered } from '../configured-rights.js';
import type { ActingUser, UserCall, UserRights } from '../user-rights.js';
import type { IdentitySigner } from './identity-signer.js';

/** The user's rights as the FHIR server keeps them itself: it is told who acts, and gives what that user may see. */
export class ToldUpstream implements UserRights {
  readonly by = 'upstream';

  constructor(private readonly signer: Pick<IdentitySigner, 'of'>) {}

  /** Whom the token does not name, the server cannot be told. */
  reachOf({ resource }: ActingUser): Reach {
    return resource ? { kind: 'everybody' } : unanswered;
  }

  identityOf(call: UserCall): ToldIdentity {
    return this.signer.of(call);
  }
}
