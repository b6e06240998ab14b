import type { WithholdingRule } from '#smart';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { GatewayInProcess } from './gateway-in-process.js';
import type { Guarded } from './guarded-servers.js';

/** A gateway that stands before a server, and what ends both. */
export interface GuardedGateway {
  readonly guarded: Guarded;
  readonly gateway: GatewayInProcess;
  readonly close: () => Promise<void>;
}

/**
 * @param listen   starts the server
 * @param withhold rules of the endpoint
 */
export async function gatewayBefore(
  listen: () => Promise<Guarded>,
  withhold: readonly WithholdingRule[] = [],
): Promise<GuardedGateway> {
  const guarded = await listen();
  const slots = { total: 64, perApplication: 64, waitingPerApplication: 64 };
  const bounds = { timeoutMs: 5_000, maxBytes: 10_000_000, slots, breakMs: 1_000 };
  const upstream = new Upstream({ baseUrl: guarded.base, ...bounds });
  const gateway = new GatewayInProcess(upstream, withhold);
  await gateway.start();
  return {
    guarded,
    gateway,
    async close() {
      await Promise.all([gateway.close(), upstream.close()]);
      await guarded.close();
    },
  };
}
