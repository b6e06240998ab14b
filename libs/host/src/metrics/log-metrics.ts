import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram } from 'prom-client';
import {
  type CommandEnd,
  commandEnds,
  type Lag,
  type LogMeter,
  type UnauthenticRecord,
  unauthenticRecords,
} from '#event-log';
import { Metrics } from './metrics.js';

const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What libs/event-log tells, as metrics. Contexts and consumers are a fixed few: none comes from a request. */
@Injectable()
export class LogMetrics implements LogMeter {
  private readonly followers = new Map<string, () => Lag>();
  private readonly sent = new Set<string>();
  private readonly commands: Histogram<'context' | 'outcome'>;
  private readonly activity: Histogram<'acknowledged'>;
  private readonly unauthenticRecords: Counter<'record'>;

  constructor({ registry }: Metrics) {
    const registers = [registry];
    this.commands = new Histogram({
      name: 'gatehouse_command_duration_seconds',
      help: 'Time from a command’s sending to its answer, by how it ended; pending was answered 202, not-appended 503.',
      labelNames: ['context', 'outcome'] as const,
      buckets: SECONDS,
      registers,
    });
    this.activity = new Histogram({
      name: 'gatehouse_activity_acknowledgement_seconds',
      help: 'Time until all in-sync replicas had an audit record, or until it was given up.',
      labelNames: ['acknowledged'] as const,
      buckets: SECONDS,
      registers,
    });
    for (const acknowledged of ['true', 'false']) this.activity.zero({ acknowledged });
    this.unauthenticRecords = new Counter({
      name: 'gatehouse_unauthentic_records_total',
      help: 'What stood in the log and no instance of ours had written so, by the record of the audit that says it.',
      labelNames: ['record'] as const,
      registers,
    });
    for (const record of unauthenticRecords) this.unauthenticRecords.inc({ record }, 0);
    const lags = (): [string, Lag][] => [...this.followers].map(([consumer, lag]) => [consumer, lag()]);
    new Gauge({
      name: 'gatehouse_consumer_lag_records',
      help: 'Offsets that a consumer has yet to handle, as the brokers last said.',
      labelNames: ['consumer'] as const,
      registers,
      collect() {
        this.reset();
        for (const [consumer, { records }] of lags()) this.set({ consumer }, records);
      },
    });
    new Gauge({
      name: 'gatehouse_consumer_lag_seconds',
      help: 'Since when a consumer has not been at the end of the log. Grows while brokers are away, too.',
      labelNames: ['consumer'] as const,
      registers,
      collect() {
        this.reset();
        for (const [consumer, { seconds }] of lags()) this.set({ consumer }, seconds);
      },
    });
  }

  /** What has not happened yet is nought and not missing: Prometheus sees no increase from nothing to one. */
  sends(context: string): void {
    if (this.sent.has(context)) return;
    this.sent.add(context);
    for (const outcome of commandEnds) this.commands.zero({ context, outcome });
  }

  commandEnded(context: string, outcome: CommandEnd, seconds: number): void {
    this.commands.observe({ context, outcome }, seconds);
  }

  activityEnded(isAcknowledged: boolean, seconds: number): void {
    this.activity.observe({ acknowledged: String(isAcknowledged) }, seconds);
  }

  unauthentic(record: UnauthenticRecord): void {
    this.unauthenticRecords.inc({ record });
  }

  /** In the one process several apps may follow under one name: the last one counts. */
  follows(consumer: string, lag: () => Lag): () => void {
    this.followers.set(consumer, lag);
    return () => {
      if (this.followers.get(consumer) === lag) this.followers.delete(consumer);
    };
  }
}
