import type { Position } from '#contracts';
import {
  Database,
  decodeCursor,
  InjectProjection,
  Lists,
  malformed,
  notFound,
  pageOf,
  type ProjectionReadiness,
  Reads,
  Roles,
  SeenPositions,
} from '#host';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { auditRecordsProjection } from '../audit-records/audit-records.projection.js';
import { auditRecordSchema, recordOf, type RecordRow, selectRecords } from './audit-record-dto.js';
import { conditionsOf } from './record-conditions.js';
import { RecordsQuery } from './records-query.js';

/** Search in everything that was decided and done (api.md, Resources). */
@Controller('audit/records')
@ApiTags('audit')
export class RecordsController {
  constructor(
    private readonly database: Database,
    @InjectProjection(auditRecordsProjection) private readonly projection: ProjectionReadiness,
  ) {}

  /** Records that meet all filters, newest first. */
  @Get()
  @Roles('auditor', 'operator')
  @Lists(auditRecordSchema)
  async search(@Query() query: RecordsQuery, @SeenPositions() seen: readonly Position[]) {
    await this.projection.reached(seen);
    const after = query.cursor === undefined ? undefined : placeIn(query.cursor);
    const { where, parameters } = conditionsOf(query, after);
    const rows = await this.database.query<RecordRow>(
      `${selectRecords} ${where} ORDER BY r.time DESC, r.id DESC LIMIT $${parameters.length + 1}`,
      [...parameters, query.limit + 1],
    );
    return pageOf(rows, query.limit, recordOf, (row) => [row.at, row.id]);
  }

  /** One record. */
  @Get(':id')
  @Roles('auditor', 'operator')
  @Reads(auditRecordSchema)
  async read(@Param('id') id: string, @SeenPositions() seen: readonly Position[]) {
    await this.projection.reached(seen);
    const [row] = id.includes('\0')
      ? []
      : await this.database.query<RecordRow>(`${selectRecords} WHERE r.id = $1`, [id]);
    if (row === undefined) throw notFound();
    return recordOf(row);
  }
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/** The time and id after which the page begins. */
function placeIn(cursor: string): readonly (string | number)[] {
  const place = decodeCursor(cursor, ['string', 'string']);
  const [time, id] = place.map(String);
  if (time === undefined || !TIME.test(time) || Number.isNaN(Date.parse(time)) || id?.includes('\0') === true) {
    throw malformed('The cursor is not one of this list.');
  }
  return place;
}
