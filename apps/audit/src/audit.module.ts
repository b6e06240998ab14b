import { provideProjection } from '#host';
import { Module } from '@nestjs/common';
import { auditRecordsProjection } from './audit-records/audit-records.projection.js';
import { RecordsController } from './search-records/records.controller.js';
import { TimelineController } from './show-timeline/timeline.controller.js';

@Module({
  controllers: [RecordsController, TimelineController],
  providers: [...provideProjection(auditRecordsProjection)],
})
export class AuditModule {}
