import { activityTopic, type Position } from '#contracts';
import {
  Database,
  decodeCursor,
  InjectProjection,
  malformed,
  pageOf,
  type Page,
  type PageQuery,
  type ProjectionReadiness,
} from '#host';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { auditTreesProjection } from '../grow-trees/audit-trees.projection.js';

interface GapRow {
  readonly run: string;
  readonly partition: number;
  readonly firstMissing: string;
  readonly lastMissing: string;
  readonly offset: string;
}

/** What the numbers of runs show to be missing, in the order of the log. */
export class ListGaps extends Query<Page<GapRow & { readonly topic: string }>> {
  constructor(
    readonly asked: PageQuery,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(ListGaps)
export class ListGapsHandler implements IQueryHandler<ListGaps> {
  constructor(
    private readonly database: Database,
    @InjectProjection(auditTreesProjection) private readonly projection: ProjectionReadiness,
  ) {}

  async execute({ asked: { limit, cursor }, seen }: ListGaps) {
    await this.projection.reached(seen);
    const [partition, offset, run, first] = cursor === undefined ? [] : placeIn(cursor);
    const rows = await this.database.query<GapRow>(
      `SELECT run, log_partition AS partition, first_missing AS "firstMissing", last_missing AS "lastMissing",
              log_offset AS "offset"
         FROM projection.audit_gaps
        WHERE $1::integer IS NULL
           OR (log_partition, log_offset, run, first_missing) > ($1::integer, $2::bigint, $3::text, $4::bigint)
        ORDER BY log_partition, log_offset, run, first_missing LIMIT $5`,
      [partition ?? null, offset ?? null, run ?? null, first ?? null, limit + 1],
    );
    return pageOf(
      rows,
      limit,
      (row) => ({ ...row, topic: activityTopic.name }),
      (row) => [row.partition, row.offset, row.run, row.firstMissing],
    );
  }
}

/** Partition, offset, run and first number after which the page begins. Throws a 400 problem. */
function placeIn(cursor: string): readonly (string | number)[] {
  const place = decodeCursor(cursor, ['number', 'string', 'string', 'string']);
  const [partition, offset, run, first] = place;
  const known =
    Number.isInteger(partition) && Number(partition) >= 0 && Number(partition) < 4096 && !String(run).includes('\0');
  if (!known || ![offset, first].every((number) => /^\d{1,18}$/.test(String(number))))
    throw malformed('The cursor is not one of this list.', [
      { pointer: '/cursor', detail: 'must be the `next` of a page of this list' },
    ]);
  return place;
}
