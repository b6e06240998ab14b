import { projectionsController, provideProjection } from '#host';
import { Module } from '@nestjs/common';
import { auditRecordsProjection } from './audit-records/audit-records.projection.js';
import { auditTreesProjection } from './grow-trees/audit-trees.projection.js';
import { RecordsController } from './search-records/records.controller.js';
import { ReadRecordHandler, SearchRecordsHandler } from './search-records/records.queries.js';
import { ShowTimelineHandler } from './show-timeline/show-timeline.query.js';
import { TimelineController } from './show-timeline/timeline.controller.js';

@Module({
  controllers: [
    RecordsController,
    TimelineController,
    projectionsController('audit', [auditRecordsProjection, auditTreesProjection]),
  ],
  providers: [
    ...provideProjection(auditRecordsProjection),
    ...provideProjection(auditTreesProjection),
    SearchRecordsHandler,
    ReadRecordHandler,
    ShowTimelineHandler,
  ],
})
export class AuditModule {}
