/**
 * The fields of a line. Each is on the host's allow-list (libs/host/src/logging/log.ts), or it would not get into the log: a
 * new one is added in both places, and the compiler refuses one that is only here.
 */
export interface SinkFields {
  /** What was thrown. */
  readonly err?: unknown;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: string;
  readonly firstOffset?: string;
  readonly lastOffset?: string;
  readonly group?: string;
  readonly transactionalId?: string;
  readonly replicationFactor?: number;
  readonly projection?: string;
  readonly reactor?: string;
  readonly snapshot?: string;
  readonly version?: number;
  readonly commandId?: string;
  readonly commandType?: string;
  readonly aggregateId?: string;
  readonly applicationId?: string;
  readonly outcome?: string;
  readonly reason?: string;
}

/** What the log tells its process. */
export interface LogSink {
  debug(fields: SinkFields, message: string): void;
  info(fields: SinkFields, message: string): void;
  warn(fields: SinkFields, message: string): void;
  error(fields: SinkFields, message: string): void;
}
