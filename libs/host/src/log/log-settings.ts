import type { CommandKeys } from '#contracts';
import type { LogSettings, LogSink, LogTracer } from '#event-log';
import { type Log, type LogFields } from '../logging/log.js';
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
    onTopic: (use, topic) => topics.add(use, topic),
    onGroup: (group) => topics.addGroup(group),
  };
}

/** Fields by the log's allow-list; an error under `err`, as pino has it. */
function sinkOf(log: Log): LogSink {
  const split = (fields: object): [unknown, LogFields] => ['err' in fields ? fields.err : undefined, fields];
  return {
    debug(fields, message) {
      if (log.enabled('debug')) log.debug(message, fields);
    },
    info(fields, message) {
      log.info(message, fields);
    },
    warn(fields, message) {
      log.warn(message, ...split(fields));
    },
    error(fields, message) {
      log.error(message, ...split(fields));
    },
  };
}
