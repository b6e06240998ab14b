import type { Position } from '#contracts';
import { Database, InjectProjection, pageOf, type Page, type ProjectionReadiness } from '#host';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { placeIn } from '../search-records/time-cursor.js';
import { auditCheckpointsProjection } from '../sign-checkpoints/audit-checkpoints.projection.js';
import { type AnsweredCheckpoint, checkpointOf, type CheckpointRow, selectCheckpoints } from './checkpoint-rows.js';
import type { CheckpointsQuery } from './proof-requests.js';

/** Signed checkpoints, the newest first. */
export class ListCheckpoints extends Query<Page<AnsweredCheckpoint>> {
  constructor(
    readonly asked: CheckpointsQuery,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(ListCheckpoints)
export class ListCheckpointsHandler implements IQueryHandler<ListCheckpoints> {
  constructor(
    private readonly database: Database,
    @InjectProjection(auditCheckpointsProjection) private readonly projection: ProjectionReadiness,
  ) {}

  async execute({ asked: { topic, partition, limit, cursor }, seen }: ListCheckpoints) {
    await this.projection.reached(seen);
    const [at, id] = cursor === undefined ? [] : placeIn(cursor);
    const rows = await this.database.query<CheckpointRow>(
      `${selectCheckpoints}
        WHERE ($1::text IS NULL OR c.log_topic = $1) AND ($2::integer IS NULL OR c.log_partition = $2)
          AND ($3::timestamptz IS NULL OR (c.signed_at, c.id) < ($3::timestamptz, $4::text))
        ORDER BY c.signed_at DESC, c.id DESC LIMIT $5`,
      [topic ?? null, partition ?? null, at ?? null, id ?? null, limit + 1],
    );
    return pageOf(rows, limit, checkpointOf, (row) => [row.at, row.id]);
  }
}
