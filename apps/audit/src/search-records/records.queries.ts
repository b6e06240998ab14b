import type { Position } from '#contracts';
import { Database, InjectProjection, notFound, pageOf, type Page, type ProjectionReadiness } from '#host';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { auditRecordsProjection } from '../audit-records/audit-records.projection.js';
import { recordOf, type RecordRow, selectRecords } from './audit-record-dto.js';
import { conditionsOf } from './record-conditions.js';
import type { RecordsQuery } from './records-query.js';
import { placeIn } from './time-cursor.js';

/** Records that meet all filters, newest first. */
export class SearchRecords extends Query<Page<object>> {
  constructor(
    readonly asked: RecordsQuery,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(SearchRecords)
export class SearchRecordsHandler implements IQueryHandler<SearchRecords> {
  constructor(
    private readonly database: Database,
    @InjectProjection(auditRecordsProjection) private readonly projection: ProjectionReadiness,
  ) {}

  async execute({ asked, seen }: SearchRecords) {
    await this.projection.reached(seen);
    const after = asked.cursor === undefined ? undefined : placeIn(asked.cursor);
    const { where, parameters } = conditionsOf(asked, after);
    const rows = await this.database.query<RecordRow>(
      `${selectRecords} ${where} ORDER BY r.time DESC, r.id DESC LIMIT $${parameters.length + 1}`,
      [...parameters, asked.limit + 1],
    );
    return pageOf(rows, asked.limit, recordOf, (row) => [row.at, row.id]);
  }
}

/** One record. */
export class ReadRecord extends Query<object> {
  constructor(
    readonly id: string,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(ReadRecord)
export class ReadRecordHandler implements IQueryHandler<ReadRecord> {
  constructor(
    private readonly database: Database,
    @InjectProjection(auditRecordsProjection) private readonly projection: ProjectionReadiness,
  ) {}

  async execute({ id, seen }: ReadRecord) {
    await this.projection.reached(seen);
    const [row] = id.includes('\0')
      ? []
      : await this.database.query<RecordRow>(`${selectRecords} WHERE r.id = $1`, [id]);
    if (row === undefined) throw notFound();
    return recordOf(row);
  }
}
