import type { Broker } from 'kafkajs/src/cluster/index.js';

/** Sends a request that kafkajs has no method for. As its own requests do: a connection that was closed is made anew for the next one. */
export async function send<Decoded extends { readonly clientSideThrottleTime: number }, Result>(
  broker: Broker,
  protocol: Parameters<typeof broker.connectionPool.send<Decoded, Result>>[0],
): Promise<Result> {
  try {
    return await broker.connectionPool.send(protocol);
  } catch (error) {
    if (error instanceof Error && error.name === 'KafkaJSConnectionClosedError') await broker.disconnect();
    throw error;
  }
}

/** Waits no longer for answers of this broker: who asked is told so. kafkajs closes a connection only when it has them all. */
export function abandonRequests(broker: Broker): void {
  broker.connectionPool.map((connection) => connection.rejectRequests(new Error('nobody waits for the answer')));
}
