import type { Position } from '#contracts';
import { Answer, ApiTags, Lists, Reads, Roles, SeenPositions } from '#host';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { auditRecordSchema } from './audit-record-dto.js';
import { RecordsQuery } from './records-query.js';
import { ReadRecord, SearchRecords } from './records.queries.js';

/** Search in everything that was decided and done (api.md, Resources). */
@Controller('audit/records')
@ApiTags('audit')
@Roles('auditor', 'operator')
export class RecordsController {
  constructor(private readonly queries: QueryBus) {}

  /** Records that meet all filters, newest first. */
  @Get()
  @Lists(auditRecordSchema)
  search(@Query() asked: RecordsQuery, @SeenPositions() seen: readonly Position[]) {
    return this.queries.execute(new SearchRecords(asked, seen));
  }

  /** One record. */
  @Get(':id')
  @Reads(auditRecordSchema)
  async read(@Param('id') id: string, @SeenPositions() seen: readonly Position[]) {
    // What was recorded never changes.
    return Answer.ok(await this.queries.execute(new ReadRecord(id, seen)), { version: 1 });
  }
}
