import type { ToldIdentity } from '../ask-rights/call-rights.js';
import type { BodyLease } from './body-memory.js';

/** For whom the FHIR server is asked. */
export interface AskedFor {
  readonly applicationId: string;
  /** Codes of HL7 v3 PurposeOfUse that the application was approved with. */
  readonly purposesOfUse: readonly string[];
  readonly signal: AbortSignal;
  /** Asked in the tick in which the request is sent. */
  readonly isAllowed: () => boolean;
  readonly memory: BodyLease;
  /** Who the server is told that acts; absent where it is told nothing. */
  readonly identity?: ToldIdentity | undefined;
}
