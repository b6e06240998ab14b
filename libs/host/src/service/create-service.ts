import { CreateVault1763942400000, KeepVaultKeys1764252000000 } from '#vault';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';
import { BaseConfig } from '../config/base-config.js';
import { loadConfig, type Environment, type LoadedConfig } from '../config/load-config.js';
import { TrustConfig } from '../config/trust-config.js';
import { VaultConfig } from '../config/vault-config.js';
import { CreateSnapshots1763942400010 } from '../log/snapshots/create-snapshots.js';
import { BrokerConfig } from '../log/broker-config.js';
import { CommandKeysConfig } from '../log/command-keys-config.js';
import { LogConfig } from '../log/log-config.js';
import { DatabaseConfig } from '../database/database-config.js';
import { DatabaseModule } from '../database/database.module.js';
import { mergeMigrations, type MigrationClass, type SchemaName } from '../database/database-schemas.js';
import { CreateProjectionBooks1764201600000 } from '../projections/create-projection-books.js';
import { serveDocs } from '../docs/serve-docs.js';
import { HealthRegistry } from '../health/health-registry.js';
import { assertRoutesNameTheirRoles, declaredRoutes } from '../identity/assert-routes-named.js';
import { Log } from '../logging/log.js';
import { createAdminServer, listenForAdministration, separateAdministration } from './admin-port.js';
import { observeRequests } from './observe-requests.js';
import { CallsInFlight, closeService } from './close-service.js';
import type { EndProcess } from './fatal-errors.js';
import { HostModule } from './host.module.js';
import { createHttpServer, refuseOtherMethods } from './http-server.js';
import { startTracing } from '../tracing/start-tracing.js';
import { TracingConfig } from '../tracing/tracing-config.js';
import type { Tracing } from '../tracing/tracing.js';
import { partsOf, type ServicePart } from './service-part.js';

/** The version that the docs name. */
const productVersion = '0.1.0';

/** A running service. */
export interface RunningService {
  readonly app: NestFastifyApplication;
  readonly config: LoadedConfig;
  readonly log: Log;
  /** Where it listens, for example `http://127.0.0.1:8081`; with `LISTEN_WHEN_READY` and `PORT` 0 known once it is ready. */
  readonly url: string;
  /**
   * Resolves to true when every check of readiness has passed and it listens, to false when the service stops before.
   * Rejects when it cannot listen.
   *
   * @param last what is done when the checks have passed, before it listens with `LISTEN_WHEN_READY`
   */
  ready(last?: () => void): Promise<boolean>;
  /** Drains for `DRAIN_SECONDS`, stops accepting, closes the modules. Repeating it changes nothing. */
  close(): Promise<void>;
  /** Does not wait out `DRAIN_SECONDS`; what is under way still ends in order. */
  hurry(): void;
}

@Module({})
class ServiceModule {}

/** The configuration classes of a part and of everything it gathers, the host's own included. */
export function configClassesOf(part: ServicePart) {
  return [
    ...new Set([
      BaseConfig,
      TrustConfig,
      DatabaseConfig,
      BrokerConfig,
      CommandKeysConfig,
      VaultConfig,
      LogConfig,
      TracingConfig,
      ...partsOf(part).flatMap((each) => each.config ?? []),
    ]),
  ];
}

/**
 * Builds a service and listens, at once or with `LISTEN_WHEN_READY` in `ready()`; what `startService` does without the
 * process's signals and exit codes. Throws a `ConfigError` before anything is started.
 */
export async function createService(
  part: ServicePart,
  environment: Environment,
  end: EndProcess = throwLater,
): Promise<RunningService> {
  const config = loadConfig(part, configClassesOf(part), environment);
  const base = config.get(BaseConfig);
  config.get(TrustConfig).apply();
  const log = Log.create(part.name, base.logLevel);
  const tracing = await startTracing(config.get(TracingConfig), { service: part.name, version: productVersion });
  const { adapter, server, direct, routes, answer } = createHttpServer(base, log.for('http'), tracing);
  const app = await NestFactory.create<NestFastifyApplication>(
    rootModule(part, config, { log, tracing }, end),
    adapter,
    {
      logger: log,
      bodyParser: false,
      abortOnError: false,
      forceCloseConnections: false,
    },
  );
  const calls = [new CallsInFlight(server.server)];
  const admin = base.adminPort === undefined ? undefined : createAdminServer(server, answer);
  if (admin !== undefined) {
    calls.push(new CallsInFlight(admin));
    separateAdministration(
      server,
      admin,
      declaredRoutes(app),
      routes,
      partsOf(part).flatMap((each) => each.publicPaths ?? []),
    );
  }
  refuseOtherMethods(server, routes);
  let listening: Promise<void> | undefined;
  const listen = async (): Promise<void> => {
    await app.listen(base.port, base.host);
    if (admin !== undefined) await listenForAdministration(admin, base);
  };
  try {
    assertRoutesNameTheirRoles(app);
    observeRequests(app, server, direct, log.for('http'), tracing);
    serveDocs(app, part.name, productVersion, base.publicUrl);
    if (base.listenWhenReady) await app.init();
    else await (listening = listen());
  } catch (error) {
    admin?.close();
    await app.close();
    await tracing.close();
    throw error;
  }
  let closed: Promise<void> | undefined;
  const hurry = new AbortController();
  return {
    app,
    config,
    log,
    get url() {
      return urlOf(base.host, app.getHttpServer().address() ?? base.port);
    },
    async ready(last) {
      if (!(await app.get(HealthRegistry).untilReady()) || closed !== undefined) return false;
      last?.();
      await (listening ??= listen());
      return true;
    },
    close: () =>
      (closed ??= (async () => {
        // One that cannot listen has told whoever waits for it to be ready.
        await listening?.catch(() => log.debug('it never listened'));
        await closeService(app, calls, log, { drainSeconds: base.drainSeconds, hurry: hurry.signal });
        await tracing.close();
      })()),
    hurry: () => hurry.abort(),
  };
}

/** The migrations of a part and of everything it gathers, the host's own included. */
export function migrationsOf(part: ServicePart): Record<SchemaName, readonly MigrationClass[]> {
  return mergeMigrations([
    {
      vault: [CreateVault1763942400000, KeepVaultKeys1764252000000],
      projection: [CreateSnapshots1763942400010, CreateProjectionBooks1764201600000],
    },
    ...partsOf(part).map((each) => each.migrations ?? {}),
  ]);
}

function rootModule(
  part: ServicePart,
  config: LoadedConfig,
  told: { readonly log: Log; readonly tracing: Tracing },
  end: EndProcess,
): DynamicModule {
  const parts = partsOf(part);
  const entities = [...new Set(parts.flatMap((each) => each.entities ?? []))];
  const migrations = migrationsOf(part);
  const modules = parts.flatMap((each) => (each.module === undefined ? [] : [moduleOf(each.module, config)]));
  return {
    module: ServiceModule,
    imports: [
      CqrsModule.forRoot(),
      HostModule.of({ service: part.name, version: productVersion }, config, told, end),
      DatabaseModule.of(part.name, entities, migrations),
      ...modules,
    ],
  };
}

function moduleOf(module: NonNullable<ServicePart['module']>, config: LoadedConfig): Type | DynamicModule {
  return isModuleClass(module) ? module : module(config);
}

/** Nest's `@Module` leaves metadata on the class; a function that makes a module has none. */
function isModuleClass(module: NonNullable<ServicePart['module']>): module is Type {
  return (
    Reflect.hasMetadata('imports', module) ||
    Reflect.hasMetadata('providers', module) ||
    Reflect.hasMetadata('controllers', module) ||
    /^class\b/.test(String(module))
  );
}

function urlOf(host: string, address: AddressInfo | string | number): string {
  const port = typeof address === 'object' ? address.port : Number(address);
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}

/** Without `startService`, an error after which the process cannot go on becomes an uncaught one. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
