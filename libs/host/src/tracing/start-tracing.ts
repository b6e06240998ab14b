import type { TracingConfig } from './tracing-config.js';
import { noTracing, type Tracing } from './tracing.js';

/** What follows traces as the settings say; the SDK is loaded only where there is a collector to send them to. */
export async function startTracing(
  { endpoint, headers, share }: TracingConfig,
  known: { readonly service: string; readonly version: string },
): Promise<Tracing> {
  if (endpoint === undefined) return noTracing;
  const { OpenTelemetry } = await import('./open-telemetry.js');
  return new OpenTelemetry({ endpoint, headers, share, ...known });
}
