import { checkpointsTopic } from '#contracts';
import { LogEnds, type LogSettings } from '#event-log';
import { LOG_SETTINGS } from '#host';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { ReadRows } from '../grow-trees/tree-hashes.js';
import { auditCheckpointsProjection } from './audit-checkpoints.projection.js';

/** What the table of checkpoints knows of those that stand in the log. */
@Injectable()
export class KnownCheckpoints implements OnModuleDestroy {
  private readonly ends: LogEnds;

  constructor(@Inject(LOG_SETTINGS) settings: LogSettings) {
    this.ends = new LogEnds(settings);
  }

  async onModuleDestroy(): Promise<void> {
    await this.ends.close();
  }

  /**
   * Whether it holds every checkpoint that was ever signed, as it does not while it is read from the log again. Asked of Postgres and
   * not of this process: another one may have begun anew.
   *
   * @throws when the brokers or Postgres cannot be asked
   */
  async areAll(read: ReadRows): Promise<boolean> {
    const { name, partitions } = checkpointsTopic;
    const ends = (await this.ends.highEndsOf([{ topic: name, partitions }])).get(name) ?? [];
    const rows = await read<{ partition: number; next: string }>(
      'SELECT partition, next_offset AS next FROM projection.checkpoints WHERE projection = $1 AND topic = $2',
      [auditCheckpointsProjection.name, name],
    );
    const next = new Map(rows.map((row) => [row.partition, BigInt(row.next)]));
    return ends.length > 0 && ends.every((end, partition) => (next.get(partition) ?? -1n) >= end);
  }
}
