import { setTimeout as delay } from 'node:timers/promises';
import { startCluster } from '../../scripts/infrastructure/kafka.mjs';
import { type FaultReport, underLoad } from './under-load.js';

type Cluster = Awaited<ReturnType<typeof startCluster>>;

/** Longer than the session of a node: its partitions have other leaders before it is back. */
const DOWN_MS = 9_000;

/**
 * Three nodes, three copies, two in sync: one node after another, each the leader of some written partitions, is killed
 * with `kill -9` and comes back after its session has ended.
 */
export async function killLeaders(rounds: number, perSecond: number): Promise<FaultReport> {
  return await onThreeNodes(perSecond, (cluster) => killNodes(cluster, rounds));
}

/** The whole broker, all three nodes at once, is killed with `kill -9` and comes back after some seconds. */
export async function stopBroker(downMs: number, perSecond: number): Promise<FaultReport> {
  return await onThreeNodes(perSecond, (cluster) => stopAllNodes(cluster, downMs));
}

/** Both, the short form. */
export async function killLeaderThenStopBroker(downMs: number, perSecond: number): Promise<FaultReport> {
  return await onThreeNodes(perSecond, async (cluster) => {
    await killNodes(cluster, 1);
    await stopAllNodes(cluster, downMs);
  });
}

async function killNodes({ nodes }: Cluster, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await delay(1_000 + Math.random() * 3_000); // a random moment
    const node = nodes[round % nodes.length];
    await node?.kill();
    await delay(DOWN_MS); // the cluster has to notice on its own clock
    await node?.start();
  }
}

async function stopAllNodes({ nodes }: Cluster, downMs: number): Promise<void> {
  await delay(3_000); // so that commands are under way
  await Promise.all(nodes.map((node) => node.kill()));
  await delay(downMs);
  await Promise.all(nodes.map((node) => node.start()));
  await delay(5_000); // the load goes on over the healed log
}

async function onThreeNodes(perSecond: number, fault: (cluster: Cluster) => Promise<void>): Promise<FaultReport> {
  const cluster = await startCluster({ nodes: 3 });
  try {
    return await underLoad(perSecond, () => fault(cluster), {
      brokers: cluster.brokers,
      topics: { replicationFactor: 3, minInSyncReplicas: 2 },
    });
  } finally {
    await cluster.stop();
  }
}
