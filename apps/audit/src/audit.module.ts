import { checkpointsTopic } from '#contracts';
import { projectionsController, provideAppender, provideFeed, provideProjection } from '#host';
import { Module } from '@nestjs/common';
import { AuditEventsController } from './answer-fhir/audit-events.controller.js';
import { ReadAuditEventHandler, SearchAuditEventsHandler } from './answer-fhir/audit-events.query.js';
import { auditRecordsProjection } from './audit-records/audit-records.projection.js';
import { siemFeed } from './feed-siem/siem.feed.js';
import { auditTreesProjection } from './grow-trees/audit-trees.projection.js';
import { InspectLogController } from './inspect-log/inspect-log.controller.js';
import { InspectedLog } from './inspect-log/inspected-log.js';
import { GapMeter } from './prove-records/gap-meter.js';
import { ListCheckpointsHandler } from './prove-records/list-checkpoints.query.js';
import { ListGapsHandler } from './prove-records/list-gaps.query.js';
import { Proofs } from './prove-records/proofs.js';
import { ProofsController } from './prove-records/proofs.controller.js';
import { ListLeavesHandler, ProveConsistencyHandler } from './prove-records/prove-checkpoint.queries.js';
import { ProveRecordHandler } from './prove-records/prove-record.query.js';
import { RecordsController } from './search-records/records.controller.js';
import { ReadRecordHandler, SearchRecordsHandler } from './search-records/records.queries.js';
import { ShowTimelineHandler } from './show-timeline/show-timeline.query.js';
import { TimelineController } from './show-timeline/timeline.controller.js';
import { auditCheckpointsProjection } from './sign-checkpoints/audit-checkpoints.projection.js';
import { CheckpointKey } from './sign-checkpoints/checkpoint-key.js';
import { CheckpointSigner } from './sign-checkpoints/checkpoint-signer.js';
import { KnownCheckpoints } from './sign-checkpoints/known-checkpoints.js';

@Module({
  controllers: [
    RecordsController,
    ProofsController,
    AuditEventsController,
    InspectLogController,
    TimelineController,
    projectionsController('audit', [auditRecordsProjection, auditTreesProjection, auditCheckpointsProjection]),
  ],
  providers: [
    ...provideProjection(auditRecordsProjection),
    ...provideProjection(auditTreesProjection),
    ...provideProjection(auditCheckpointsProjection),
    ...provideAppender(checkpointsTopic),
    ...provideFeed(siemFeed),
    CheckpointKey,
    CheckpointSigner,
    KnownCheckpoints,
    GapMeter,
    InspectedLog,
    Proofs,
    ListCheckpointsHandler,
    ListLeavesHandler,
    ProveConsistencyHandler,
    ProveRecordHandler,
    ListGapsHandler,
    SearchAuditEventsHandler,
    ReadAuditEventHandler,
    SearchRecordsHandler,
    ReadRecordHandler,
    ShowTimelineHandler,
  ],
})
export class AuditModule {}
