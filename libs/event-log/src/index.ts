export type { LogSettings, TopicUse } from './kafka/log-connection.js';
export type { LogSink, SinkFields } from './sink/log-sink.js';
export { HistoryLost, PartitionReader } from './kafka/partition-reader.js';
export type { LogRecord } from './kafka/visible-records.js';
export { NotAppended, AppendUnresolved } from './kafka/append-lane.js';
export { OrderedAppender } from './kafka/ordered-appender.js';
export { LogScanner, TooManyScans } from './kafka/log-scanner.js';
export { ensureTopics, UnsafeTopics, type TopicGuardOptions } from './topics/topic-guard.js';
export { aclsOfAll, describeAcl, type Acl, type AclDifference, type Principals } from './acls/log-acls.js';
export { applyAcls, assertGuarded, compareAcls, UnguardedLog } from './acls/acl-admin.js';
export { LogEnds, LogTail, type NextOffsets } from './tail/log-tail.js';
export { showRecord, showTopics, type ShownRecord, type ShownTopic } from './tail/shown-log.js';
export { activitySource, eventsOf, type Entry, type EventIn, type RecordSource } from './tail/record-source.js';
export { SharedReadings } from './tail/shared-reading.js';
export { SnapshotKeeper } from './snapshot/snapshot-keeper.js';
export type { Witness } from './snapshot/snapshot-head.js';
export { Snapshots, type SnapshotContent } from './snapshot/snapshots.js';
export type { SnapshotKey, SnapshotStore, StoredSnapshot } from './snapshot/snapshot-store.js';
export { ContextWriter } from './writer/context-writer.js';
export { outcomesOf } from './writer/outcome-codec.js';
export type { CommandAnswer } from './command/command-answer.js';
export { CommandSender, type CommandPort, type NewCommand } from './command/command-sender.js';
export { ActivityAppender, type ActivityMeta, type ActivityPort } from './append/activity-appender.js';
export { SpooledActivity, type SpooledActivityPort } from './spool/spooled-activity.js';
export { SpoolUnusable } from './spool/spool-file.js';
export { TopicAppender, type TopicAppendPort } from './append/topic-appender.js';
export {
  type CommandEnd,
  commandEnds,
  type Lag,
  type LogMeter,
  type UnauthenticRecord,
  unauthenticRecords,
} from './meter/log-meter.js';
export { type HandledRecord, type LogTracer, noTracer, type TraceParent } from './tracing/log-tracer.js';
export { defineReactor, Reactor, type Reaction, type ReactionPath, type ReactorDefinition } from './reactor/reactor.js';
export {
  COPY_FROM,
  defineProjection,
  type ApartStore,
  type CopyRows,
  type CopyValue,
  type ProjectionDefinition,
  type ProjectionPort,
  type ProjectionStore,
  type Query,
  type Work,
} from './projection/projection.js';
export { projectionBooks, readCheckpoints } from './projection/checkpoints.js';
export { beginRebuild, RebuildRuns } from './projection/projection-rebuild.js';
export { findRebuild, lastRebuilds, type RebuildRecord } from './projection/rebuild-book.js';
export { ProjectionRunner } from './projection/projection-runner.js';
