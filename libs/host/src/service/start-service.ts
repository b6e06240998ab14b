import { BaseConfig } from '../config/base-config.js';
import { ConfigError, loadConfig } from '../config/load-config.js';
import { collectStart } from './collect-start.js';
import { configClassesOf, createService, type RunningService } from './create-service.js';
import type { ServicePart } from './service-part.js';

/** How long a stop may take after `DRAIN_SECONDS`, in milliseconds: with them, SIGTERM exits 0 within 10 s. */
const stopTime = 9_500;

export interface StartOptions {
  /** What to print on standard output, once, when everything is ready; by default a log line says so. */
  readonly announce?: (service: RunningService) => string;
}

/**
 * Runs a service as this process: reads the configuration (exit code 2 with every fault, or `--print-config`),
 * listens, drains on SIGTERM and SIGINT (exit code 0 within `DRAIN_SECONDS` and 10 s; a second signal waits for no balancer), and ends with 1 on an error that
 * nobody caught.
 */
export async function startService(part: ServicePart, options: StartOptions = {}): Promise<void> {
  if (process.argv.includes('--print-config')) {
    printConfig(part);
    return;
  }
  const end = (error: unknown) => {
    process.exitCode = 1;
    if (!(error instanceof Error)) process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  };
  const service = await createService(part, process.env, end).catch((error: unknown) => {
    process.stderr.write(`${error instanceof ConfigError ? error.message : describe(part, error)}\n`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  });
  endOnUncaught(service);
  stopOnSignals(service);
  const ready = await service.ready(collectStart).catch((error: unknown) => {
    process.stderr.write(`${describe(part, error)}\n`);
    process.exit(1);
  });
  if (!ready) return;
  if (options.announce === undefined) service.log.info('ready', { url: service.url });
  else process.stdout.write(`${options.announce(service)}\n`);
}

function printConfig(part: ServicePart): void {
  try {
    process.stdout.write(`${loadConfig(part, configClassesOf(part), process.env).print()}\n`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
  }
}

function endOnUncaught(service: RunningService): void {
  process.on('uncaughtException', (error) => {
    service.log.fatal('nobody caught this', error);
    process.exit(1);
  });
  process.on('unhandledRejection', (error) => {
    service.log.fatal('nobody awaited this', error);
    process.exit(1);
  });
}

function stopOnSignals(service: RunningService): void {
  const { drainSeconds } = service.config.get(BaseConfig);
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    service.log.info('stopping', { signal });
    if (stopping) {
      service.hurry();
      return;
    }
    stopping = true;
    const late = setTimeout(
      () => {
        service.log.error('the modules did not close in time');
        process.exit(1);
      },
      drainSeconds * 1_000 + stopTime,
    );
    late.unref();
    service.close().then(
      () => process.exit(0),
      (error: unknown) => {
        service.log.error('the service did not stop cleanly', error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function describe(part: ServicePart, error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `${part.name} did not start: ${error.message}. Another process listens there; set PORT to a free port.`;
  }
  return `${part.name} did not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
