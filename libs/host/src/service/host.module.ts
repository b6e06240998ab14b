import { SharedReadings } from '#event-log';
import type { Vault } from '#vault';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { AnswerInterceptor } from '../answer/answer-interceptor.js';
import { BaseConfig } from '../config/base-config.js';
import { LoadedConfig } from '../config/load-config.js';
import { VaultConfig } from '../config/vault-config.js';
import { AsyncApiController } from '../docs/async-api.controller.js';
import { PRODUCT, type Product } from '../docs/product.js';
import { HealthController } from '../health/health.controller.js';
import { HealthRegistry } from '../health/health-registry.js';
import { AccessGuard } from '../identity/access-guard.js';
import { CallerAdmission } from '../identity/admit-caller.js';
import { Authenticator } from '../identity/authenticator.js';
import { IdentityProvider } from '../identity/identity-provider.js';
import { BrokerConfig } from '../log/broker-config.js';
import { CommandKeysConfig } from '../log/command-keys-config.js';
import { LogConfig } from '../log/log-config.js';
import { logSettings } from '../log/log-settings.js';
import { snapshotsProvider } from '../log/snapshots/snapshots-provider.js';
import { LOG_SETTINGS, LogStartup } from '../log/log-startup.js';
import { Reactions } from '../log/reactions.js';
import { UsedTopics } from '../log/used-topics.js';
import { Log } from '../logging/log.js';
import { EnforcementMetrics } from '../metrics/enforcement-metrics.js';
import { HealthMetrics } from '../metrics/health-metrics.js';
import { LogMetrics } from '../metrics/log-metrics.js';
import { DirectRoutes } from '../mount/direct-routes.js';
import { Metrics } from '../metrics/metrics.js';
import { MetricsController } from '../metrics/metrics.controller.js';
import { ErrorTranslators } from '../problem/error-translators.js';
import { ProblemFilter } from '../problem/problem-filter.js';
import { RequestValidation } from '../problem/validation.js';
import { MediaTypeGuard } from '../request/media-type-guard.js';
import { VAULT, vaultProviders } from '../vault/vault-provider.js';
import type { Tracing } from '../tracing/tracing.js';
import { FatalErrors, type EndProcess } from './fatal-errors.js';

const COMMAND_KEYS = Symbol('gatehouse:command-keys');
const TRACER = Symbol('gatehouse:tracer');

/** What there is one of in a process, injectable everywhere. */
@Module({})
export class HostModule {
  static of(
    product: Product,
    config: LoadedConfig,
    { log, tracing }: { readonly log: Log; readonly tracing: Tracing },
    end: EndProcess,
  ): DynamicModule {
    const sections: Provider[] = [...config.sections()].map(([section, instance]) => ({
      provide: section,
      useValue: instance,
    }));
    const providers: Provider[] = [
      ...sections,
      { provide: PRODUCT, useValue: product },
      { provide: LoadedConfig, useValue: config },
      { provide: Log, useValue: log },
      { provide: TRACER, useValue: tracing },
      { provide: FatalErrors, useValue: new FatalErrors(log, end) },
      HealthRegistry,
      Metrics,
      LogMetrics,
      EnforcementMetrics,
      HealthMetrics,
      ErrorTranslators,
      LogStartup,
      Reactions,
      UsedTopics,
      { provide: SharedReadings, useValue: new SharedReadings() },
      {
        provide: LOG_SETTINGS,
        inject: [BrokerConfig, LogConfig, Log, UsedTopics, COMMAND_KEYS, LogMetrics, TRACER],
        useFactory: logSettings,
      },
      {
        provide: COMMAND_KEYS,
        inject: [CommandKeysConfig, BaseConfig, VaultConfig],
        useFactory: (config: CommandKeysConfig, base: BaseConfig, vault: VaultConfig) => config.keys(base, vault),
      },
      snapshotsProvider,
      ...vaultProviders,
      { provide: IdentityProvider, inject: [BaseConfig], useFactory: createIdentityProvider },
      {
        provide: Authenticator,
        inject: [IdentityProvider, VAULT],
        useFactory: (provider: IdentityProvider, vault: Vault) => new Authenticator(provider, vault),
      },
      CallerAdmission,
      DirectRoutes,
    ];
    return {
      module: HostModule,
      global: true,
      controllers: [HealthController, MetricsController, AsyncApiController],
      providers: [
        ...providers,
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_GUARD, useClass: MediaTypeGuard },
        { provide: APP_PIPE, useClass: RequestValidation },
        { provide: APP_INTERCEPTOR, useClass: AnswerInterceptor },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
      exports: providers,
    };
  }
}

function createIdentityProvider(base: BaseConfig): IdentityProvider {
  return new IdentityProvider({
    issuer: base.identityIssuer,
    audience: base.identityAudience,
    types: base.identityTyp,
    algorithms: base.identityAlgs,
    rolesClaim: base.identityRolesClaim,
    clockSkew: base.identityClockSkew,
    acr: base.identityAcr,
    amr: base.identityAmr,
  });
}
