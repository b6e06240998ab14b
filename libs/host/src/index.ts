export { BaseConfig, identityAlgorithms, sandboxPaths } from './config/base-config.js';
export { pemFaults } from './config/certificate-faults.js';
export { configReference, configReferenceMarkdown, type ReferenceRow } from './config/config-reference.js';
export { ConfigError, LoadedConfig, loadConfig, loadSections, type Environment } from './config/load-config.js';
export { BrokerConfig } from './log/broker-config.js';
export { parsePrincipals, principalsFor } from './log/principals.js';
export { isLoopbackHost, isLoopbackUrl } from './config/loopback.js';
export { readSettingsFile } from './config/settings-file.js';
export {
  Setting,
  settingsOf,
  type ConfigClass,
  type ConfigFault,
  type ConfigSection,
  type ServiceIdentity,
  type SettingOptions,
} from './config/setting.js';
export { TrustConfig } from './config/trust-config.js';
export { VaultConfig, wrappingKeysOf } from './config/vault-config.js';
export { Answer, expired } from './answer/answer.js';
export { Commands, Creates, Lists, Problems, Reads, Shows, type BodyShape } from './answer/answers-documented.js';
export {
  ApiBody,
  ApiExcludeController,
  ApiHeader,
  ApiOkResponse,
  ApiProperty,
  ApiPropertyOptional,
  ApiResponse,
  ApiTags,
} from './docs/described.js';
export { Database, rowsOf, type Execute } from './database/database.js';
export { DatabaseUnavailable, isDatabaseUnavailable } from './database/database-error.js';
export { DatabaseConfig } from './database/database-config.js';
export { copyOn } from './database/copy-rows.js';
export { storableJson } from './database/storable.js';
export { type MigrationClass, type SchemaMigrations, type SchemaName } from './database/database-schemas.js';
export { HealthRegistry, type HealthProbe } from './health/health-registry.js';
export { CurrentCaller, callerOf, roles, type Caller, type Role } from './identity/caller.js';
export { CallerAdmission } from './identity/admit-caller.js';
export { Authenticator, type Authenticated } from './identity/authenticator.js';
export { AnyParty, Public, Roles } from './identity/route-access.js';
export { declaredRoutes, type DeclaredRoute } from './identity/assert-routes-named.js';
export { Log, type LogFields } from './logging/log.js';
export { answerCommand, newCommand, type CommandOrigin, type Succeeded } from './log/answer-command.js';
export { commandsController } from './log/commands-controller.js';
export { defineFeed, provideFeed, type FeedDefinition } from './log/feeds.js';
export {
  InjectActivity,
  InjectAppender,
  ACTIVITY,
  InjectCommands,
  InjectProjection,
  provideActivity,
  provideAppender,
  provideCommands,
  provideLogPart,
  provideProjection,
  provideReactor,
  provideWriter,
  type ProjectionReadiness,
} from './log/log-providers.js';
export { sendDue, type DueCommand } from './clock/due-commands.js';
export { RegularLook } from './clock/regular-look.js';
export { SealedForCommands } from './log/sealed-for-commands.js';
export { RequestedCommand } from './log/requested-command.js';
export { PostgresSnapshotStore } from './log/snapshots/postgres-snapshot-store.js';
export { SNAPSHOTS } from './log/snapshots/snapshots-provider.js';
export { LOG_SETTINGS, LogStartup } from './log/log-startup.js';
export { Reactions } from './log/reactions.js';
export { projectionsController } from './projections/projections-controller.js';
export { correlationId, traceparent, withTrace } from './logging/request-context.js';
export { EnforcementMetrics } from './metrics/enforcement-metrics.js';
export { Metrics } from './metrics/metrics.js';
export { ErrorTranslators, type ErrorTranslator } from './problem/error-translators.js';
export { problemMediaType, problemOfStatus, problemType, type FieldError, type Problem } from './problem/problem.js';
export {
  ProblemException,
  conflict,
  forbidden,
  malformed,
  notFound,
  refused,
  stale,
  unauthenticated,
  unavailable,
  unsupportedMediaType,
} from './problem/problem-exception.js';
export { ProblemFilter } from './problem/problem-filter.js';
export { UnreadBody } from './problem/unread-body.js';
export { refusalToProblem, type Refusal } from './problem/refusal.js';
export { fieldErrors } from './problem/validation.js';
export {
  CommandContext,
  SeenPositions,
  readIdempotencyKey,
  readIfMatch,
  type CommandRequest,
} from './request/command-headers.js';
export { readPublicKeys } from './request/public-keys.js';
export { PageQuery, decodeCursor, encodeCursor, pageOf, type Page } from './request/page.js';
export { Consumes } from './request/media-type-guard.js';
export { EmptyBody } from './request/empty-body.js';
export { Reason, Text, Texts, UtcTime } from './request/field-rules.js';
export { Nested } from './request/nested.js';
export { DirectRoutes } from './mount/direct-routes.js';
export { mountDirectly } from './mount/direct-mounts.js';
export { mountHandler, type MountedHandler } from './mount/mount-handler.js';
export type { Position } from '#contracts';
export { MintedId, UuidParam } from './request/uuid-param.js';
export { configClassesOf, createService, migrationsOf, type RunningService } from './service/create-service.js';
export { FatalErrors } from './service/fatal-errors.js';
export { ErasureFollower } from './vault/erasure-follower.js';
export { OwnerErasures } from './vault/owner-erasures.js';
export { VAULT } from './vault/vault-provider.js';
export type { ServicePart } from './service/service-part.js';
export { startService, type StartOptions } from './service/start-service.js';
export { UnderWay } from './service/under-way.js';
