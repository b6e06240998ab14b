import type { CommandKeys } from '#contracts';
import type { LogSettings, LogSink, LogTracer, SinkFields } from '#event-log';
import { type Log, type LogFields } from '../logging/log.js';
import { withContext } from '../logging/request-context.js';
import type { LogMetrics } from '../metrics/log-metrics.js';
import type { BrokerConfig } from './broker-config.js';
import type { LogConfig } from './log-config.js';
import type { UsedTopics } from './used-topics.js';

/** What libs/event-log needs of the process: how to reach the brokers, and a log that takes its lines. */
export function logSettings(
  brokers: BrokerConfig,
  config: LogConfig,
  log: Log,
  topics: UsedTopics,
  keys: CommandKeys | undefined,
  meter: LogMetrics,
  tracer: LogTracer,
): LogSettings {
  return {
    ...(keys === undefined ? {} : { commandKeys: keys }),
    ...brokers.connection(),
    clientId: 'gatehouse',
    prefix: config.topicPrefix,
    sink: sinkOf(log.for('event-log')),
    meter,
    tracer,
    correlated: (correlationId, work) => withContext({ correlationId }, work),
    onTopic: (use, topic) => topics.add(use, topic),
    onGroup: (group) => topics.addGroup(group),
  };
}

/** A field that the log would drop does not compile here. */
type Told = Pick<LogFields, Exclude<keyof SinkFields, 'err'>>;

/** The log by its allow-list; an error beside the fields. */
function sinkOf(log: Log): LogSink {
  const split = ({ err, ...fields }: SinkFields): [unknown, Told] => [err, fields];
  return {
    debug(fields, message) {
      if (!log.enabled('debug')) return;
      const [error, told] = split(fields);
      log.debug(message, told, error);
    },
    info(fields, message) {
      const [, told] = split(fields);
      log.info(message, told);
    },
    warn(fields, message) {
      log.warn(message, ...split(fields));
    },
    error(fields, message) {
      log.error(message, ...split(fields));
    },
  };
}
