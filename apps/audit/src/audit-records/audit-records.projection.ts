import { approval, decodeErasure, erasuresTopic, registration, review, token } from '#contracts';
import { activitySource, defineProjection, eventsOf } from '#event-log';
import { keepRecords } from './keep-records.js';

/** Every event of every context and every activity record, as one searchable table. */
export const auditRecordsProjection = defineProjection({
  name: 'audit-records',
  version: 3,
  tables: ['audit_records'],
  sources: [
    eventsOf(registration),
    eventsOf(approval),
    eventsOf(token),
    eventsOf(review),
    activitySource,
    { topic: erasuresTopic.name, partitions: erasuresTopic.partitions, decode: decodeErasure },
  ],
  apply: keepRecords,
});
