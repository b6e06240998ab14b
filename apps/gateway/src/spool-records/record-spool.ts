import { type LogSettings, SpooledActivity, type SpooledActivityPort } from '#event-log';
import { FhirConfig } from '#fhir-endpoints';
import { ConfigError, FatalErrors, HealthRegistry, Log, LOG_SETTINGS, Metrics } from '#host';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { GatewayConfig } from '../gateway.config.js';

/** Where records of reads wait while the log is away, if an endpoint wants that (docs/adr/0035). */
@Injectable()
export class RecordSpool implements OnModuleInit, OnModuleDestroy {
  /** Undefined where every record has to be in the log before anything leaves. */
  readonly port: SpooledActivityPort | undefined;
  readonly #activity: SpooledActivity | undefined;

  constructor(
    @Inject(LOG_SETTINGS) settings: LogSettings,
    { endpoints }: FhirConfig,
    config: GatewayConfig,
    fatal: FatalErrors,
    health: HealthRegistry,
    { registry }: Metrics,
    log: Log,
  ) {
    const waiting = () => this.#activity?.waiting ?? { records: 0, bytes: 0 };
    new Gauge({
      name: 'gatehouse_spooled_records',
      help: 'Records of calls that are on the disk and not yet in the log.',
      registers: [registry],
      collect() {
        this.set(waiting().records);
      },
    });
    new Gauge({
      name: 'gatehouse_spool_bytes',
      help: 'What of the disk the records take that wait for the log.',
      registers: [registry],
      collect() {
        this.set(waiting().bytes);
      },
    });
    new Gauge({
      name: 'gatehouse_spool_max_bytes',
      help: 'What of the disk they may take: beyond it such calls are answered 503.',
      registers: [registry],
    }).set(config.spoolMaxBytes);
    const wanted = endpoints.all.filter(({ auditAvailable }) => auditAvailable !== undefined);
    if (wanted.length === 0) return;
    const { spoolFolder: folder, spoolMaxBytes: maxBytes } = config;
    if (folder === undefined)
      throw new ConfigError([
        { variable: 'GATEWAY_SPOOL_FOLDER', mustBe: 'set where an endpoint of FHIR_ENDPOINTS has auditAvailable' },
      ]);
    const onFailure = (error: unknown) => fatal.report('the spool of records failed', error);
    const activity = new SpooledActivity(settings, { folder, maxBytes, onFailure });
    this.port = this.#activity = activity;
    log.for('fhir').warn(`records of reads may wait on the disk: ${wanted.map(({ id }) => id).join(', ')}`);
    health.declare('audit-available', () => true);
    health.declare('audit-spooled', () => activity.waiting.records > 0);
  }

  async onModuleInit(): Promise<void> {
    await this.#activity?.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.#activity?.close();
  }
}
