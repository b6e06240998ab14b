import { PARTITIONS } from '#contracts';
import { Database, isDatabaseUnavailable, Log, Metrics, RegularLook } from '#host';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Gauge } from 'prom-client';

const LOOK_EVERY_MS = 5_000;
/** So many are counted: what matters is that there are more than before. */
const MOST = 10_000;

/** Says in the metrics where numbers of runs show that records of the audit were lost. */
@Injectable()
export class GapMeter implements OnModuleInit, OnModuleDestroy {
  private readonly regular: RegularLook;

  constructor(database: Database, log: Log, { registry }: Metrics) {
    const gaps = new Gauge({
      name: 'gatehouse_audit_gaps',
      help: 'Places where numbers are missing inside a run of audit records: records that were lost. Absent until they were looked for.',
      labelNames: ['partition'] as const,
      registers: [registry],
    });
    const look = async (): Promise<void> => {
      const rows = await database.query<{ readonly partition: number; readonly count: number }>(
        `SELECT log_partition AS partition, count(*)::integer AS count
           FROM (SELECT log_partition FROM projection.audit_gaps LIMIT $1) AS counted GROUP BY log_partition`,
        [MOST],
      );
      const counts = new Map(rows.map(({ partition, count }) => [partition, count]));
      for (let partition = 0; partition < PARTITIONS; partition++) gaps.set({ partition }, counts.get(partition) ?? 0);
    };
    this.regular = new RegularLook(LOOK_EVERY_MS, look, (error) => {
      // While Postgres is away readiness says so; a line every few seconds would bury it.
      if (!isDatabaseUnavailable(error)) log.warn('gaps of the audit could not be counted; they will be, later', error);
    });
  }

  onModuleInit(): void {
    this.regular.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.regular.stop();
  }
}
