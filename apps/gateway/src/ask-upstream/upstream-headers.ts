import { traceparent } from '#host';
import type { ToldIdentity } from '../ask-rights/call-rights.js';

/** Why the data is asked for: codes of HL7 v3 PurposeOfUse, by commas. A caller's own header never gets here. */
const PURPOSE_HEADER = 'x-purpose-of-use';

/** What the FHIR server is told with each request; no header of a caller is among it. */
export function headersFor(
  {
    purposesOfUse,
    identity: told,
  }: { readonly purposesOfUse: readonly string[]; readonly identity?: ToldIdentity | undefined },
  authorization: string | undefined,
  identity: string | undefined,
  accept = 'application/fhir+json',
): Record<string, string> {
  const trace = traceparent();
  return {
    ...(authorization === undefined ? {} : { authorization }),
    accept,
    'accept-encoding': 'gzip',
    // A reused search of some servers misses what was written within the last minute.
    'cache-control': 'no-cache',
    ...(purposesOfUse.length === 0 ? {} : { [PURPOSE_HEADER]: purposesOfUse.join(',') }),
    ...(trace === undefined ? {} : { traceparent: trace }),
    ...(told && identity !== undefined ? { [told.header]: identity } : {}),
  };
}
