import { ReplayMemoryLost } from '#dpop';
import { isDatabaseUnavailable } from '#host';
import { AppendUnresolved, NotAppended } from '#event-log';
import { VaultUnavailable } from '#vault';
import { errors } from 'oidc-provider';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { SigningUnavailable } from '../sign-tokens/key-service.js';
import { RightsUnavailable } from '../see-patients/patient-rights.js';

/** 503 in the shape of RFC 6749, 5.2: nothing was issued, and another try may succeed. */
class TemporarilyUnavailable extends errors.OIDCProviderError {
  constructor(cause: unknown) {
    super(503, 'temporarily_unavailable', { cause });
    this.error_description = 'no token can be issued now; try again';
    // Statuses from 500 are hidden behind `server_error` otherwise.
    this.expose = true;
  }
}

/** What stands in the way for a while answers 503; everything else passes as it is. */
export async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (
      error instanceof NotServing ||
      error instanceof NotAppended ||
      error instanceof AppendUnresolved ||
      error instanceof RightsUnavailable ||
      error instanceof VaultUnavailable ||
      error instanceof SigningUnavailable ||
      error instanceof ReplayMemoryLost ||
      isDatabaseUnavailable(error)
    ) {
      throw new TemporarilyUnavailable(error);
    }
    throw error;
  }
}
