import { parseEnvelope } from '#contracts';
import { LogConnection, type LogSettings } from '../kafka/log-connection.js';
import { PartitionReader } from '../kafka/partition-reader.js';
import type { SnapshotHead, Witness } from './snapshot-head.js';

/**
 * Whether a snapshot is a prefix of this log: the log is at least as long, and every witness stands where the snapshot
 * says. False for one of a log that was lost and begun anew, however long the new one is.
 */
export async function heldByLog(
  settings: LogSettings,
  { reached, witnesses }: Pick<SnapshotHead, 'reached' | 'witnesses'>,
): Promise<boolean> {
  const connection = new LogConnection(settings);
  try {
    for (const [topic, positions] of Map.groupBy(reached, (position) => position.topic)) {
      const partitions = positions.map(({ partition }) => partition);
      const ends = await connection.offsets(settings.prefix + topic, partitions, 'end');
      if (positions.some(({ partition, offset }) => offset > (ends.get(partition) ?? 0n))) return false;
    }
  } finally {
    await connection.close();
  }
  return await allStand(settings, witnesses);
}

async function allStand(settings: LogSettings, witnesses: readonly Witness[]): Promise<boolean> {
  const awaited = new Map(witnesses.map((witness) => [placeOf(settings.prefix + witness.topic, witness), witness]));
  if (awaited.size === 0) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const reader = new PartitionReader(settings, {
    onSlice: ({ topic, partition, records: [first] }) => {
      const place = placeOf(topic, { partition });
      const witness = awaited.get(place);
      if (!witness) return;
      if (first?.offset !== witness.offset || parseEnvelope(first.value).id !== witness.id) resolve(false);
      awaited.delete(place);
      reader.unassign(topic, partition);
      if (awaited.size === 0) resolve(true);
    },
    // The log begins behind the witness, or what stands there is no record of ours.
    onFailure: () => resolve(false),
  });
  for (const { topic, partition, offset } of witnesses) reader.assign(settings.prefix + topic, partition, offset);
  try {
    return await promise;
  } finally {
    await reader.close();
  }
}

function placeOf(topic: string, { partition }: { readonly partition: number }): string {
  return `${topic}:${partition}`;
}
