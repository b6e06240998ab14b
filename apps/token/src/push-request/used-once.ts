import { Provider, type Adapter } from 'oidc-provider';
import type { TakingAdapter } from '../authorization-server/provider-records.js';

/**
 * Pushed requests (RFC 9126) each lead a user here once: the first to come with a `request_uri` has it, whatever becomes of
 * it. Of several at once one does.
 *
 * @param records whose `take` is atomic
 */
export function usedOnce(records: TakingAdapter): Adapter {
  return {
    ...records,
    // When the user comes back from their consent the request was taken long ago, and stands in the interaction.
    find: async (id) => (Provider.ctx?.oidc.route === 'authorization' ? records.take(id) : undefined),
    consume: async () => {},
  };
}
