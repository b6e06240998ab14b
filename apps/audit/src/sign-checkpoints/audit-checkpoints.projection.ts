import { checkpointsTopic, decodeCheckpoint } from '#contracts';
import { defineProjection } from '#event-log';

/** Every checkpoint that was signed. Two of one size with different heads stay two: that is what must be seen. */
export const auditCheckpointsProjection = defineProjection({
  name: 'audit-checkpoints',
  version: 1,
  tables: ['audit_checkpoints'],
  sources: [{ topic: checkpointsTopic.name, partitions: checkpointsTopic.partitions, decode: decodeCheckpoint }],
  async apply(entries, query) {
    await query(
      `INSERT INTO audit_checkpoints (id, origin, log_topic, log_partition, size, note, signed_at)
       SELECT * FROM jsonb_to_recordset($1::jsonb)
         AS c (id text, origin text, topic text, partition integer, size bigint, note text, time timestamptz)
       ON CONFLICT (id) DO NOTHING`,
      [JSON.stringify(entries.map(({ event }) => event))],
    );
  },
});
