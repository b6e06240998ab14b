export { auditedTopics, decodeAudited, type Audited } from './audited.js';
export { auditRowOf, type AuditRow } from './record-row.js';
export { answeredRecord, recordColumns, type AnsweredRecord, type RecordField } from './answered-record.js';
