import { IsNumber, IsOptional, Matches, Max, Min } from 'class-validator';
import { BaseConfig } from '../config/base-config.js';
import { isLoopbackUrl } from '../config/loopback.js';
import { Setting, type ConfigFault, type ConfigSection } from '../config/setting.js';

/** Where traces go; the names are OpenTelemetry's own (docs/adr/0042). */
export class TracingConfig implements ConfigSection {
  @Setting('OTEL_EXPORTER_OTLP_ENDPOINT', {
    mustBe: 'an https URL without a slash at its end',
    describe:
      'Where traces are sent: a collector that takes OTLP over HTTP, below it at /v1/traces. Nothing is traced without it.',
  })
  @IsOptional()
  @Matches(/^https?:\/\/[^\s?#@]*[^\s?#@/]$/)
  endpoint?: string;

  @Setting('OTEL_EXPORTER_OTLP_HEADERS', {
    mustBe: 'a list of name=value',
    describe: 'Headers for the collector, such as a key.',
    secret: true,
  })
  @Matches(/^[\w-]+=[\x20-\x7e]+$/, { each: true })
  headers: string[] = [];

  @Setting('OTEL_TRACES_SAMPLER_ARG', {
    mustBe: 'a number from 0 to 1',
    describe: 'The share of requests whose traces are sent, each drawn here; what follows from one is sent as it is.',
  })
  @IsNumber()
  @Min(0)
  @Max(1)
  share: number = 1;

  faults(base: object): readonly ConfigFault[] {
    const isDevelopment = base instanceof BaseConfig && base.development;
    return this.endpoint?.startsWith('http:') === true && !isDevelopment && !isBeside(this.endpoint)
      ? [
          {
            variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
            mustBe: 'https outside development, but for a collector on the same machine',
            given: this.endpoint,
          },
        ]
      : [];
  }
}

/** A collector commonly runs beside each service. */
function isBeside(endpoint: string): boolean {
  return isLoopbackUrl(endpoint);
}
