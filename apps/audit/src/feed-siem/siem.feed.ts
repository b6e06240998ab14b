import { encodeOcsf, siemTopic } from '#contracts';
import { defineFeed } from '#host';
import { auditedTopics, decodeAudited } from '#records';
import { auditRecordsProjection } from '../audit-records/audit-records.projection.js';
import { ocsfOf } from './ocsf.js';

/** Every audit record as an OCSF event, in the order of its partition: what a SIEM reads. */
export const siemFeed = defineFeed({
  name: 'audit-siem',
  sources: auditedTopics.map(({ name, partitions }) => ({
    topic: name,
    partitions,
    decode: (value: Buffer) => decodeAudited(name, value),
  })),
  to: siemTopic,
  after: auditRecordsProjection,
  derive: ({ event, position }) => ({
    partition: position.partition,
    key: event.meta.subject,
    value: encodeOcsf(ocsfOf(event, position)),
  }),
});
