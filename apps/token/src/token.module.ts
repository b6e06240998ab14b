import { KnownOrigins } from '#access';
import { erasuresTopic, registration, token } from '#contracts';
import { SpentProofs } from '#dpop';
import { FhirConfig } from '#fhir-endpoints';
import {
  BaseConfig,
  Database,
  Log,
  OwnerErasures,
  provideActivity,
  provideAppender,
  provideCommands,
  provideReactor,
  provideWriter,
  SealedForCommands,
} from '#host';
import { oauthPaths } from '#smart';
import { Module } from '@nestjs/common';
import { AdmittedClients } from './authenticate-client/admitted-clients.js';
import { ClientAuthentication } from './authenticate-client/client-authentication.js';
import { GuardedFetch } from './authenticate-client/guarded-fetch.js';
import { RemoteKeySets } from './authenticate-client/remote-key-sets.js';
import { SpentAssertions } from './authenticate-client/spent-assertions.js';
import { AccessTokens } from './authorization-server/access-tokens.js';
import { ProviderRecords } from './authorization-server/provider-records.js';
import { SigningKeys } from './authorization-server/signing-keys.js';
import { TokenEndpoint } from './authorization-server/token-endpoint.js';
import { closeGrants } from './close-grants.reactor.js';
import { ConsentFlow } from './consent/consent-flow.js';
import { GrantEvents } from './consent/grant-events.js';
import { InteractionController } from './consent/interaction.controller.js';
import { LaunchContexts } from './consent/launch-context.js';
import { UserChoices } from './consent/user-choices.js';
import { UserGrants } from './consent/user-grants.js';
import { DiscoveryController } from './discovery/discovery.controller.js';
import { BackChannelLogoutController } from './end-person/back-channel-logout.controller.js';
import { ErasePersonController } from './end-person/erase-person.controller.js';
import { PersonEnds } from './end-person/person-ends.js';
import { PersonErasures } from './end-person/person-erasures.js';
import { RevokePersonController } from './end-person/revoke-person.controller.js';
import { grantsDecider } from './grants.decider.js';
import { Introspection } from './introspect-token/introspection.js';
import { IntrospectionEndpoint } from './introspect-token/introspection-endpoint.js';
import { RefreshTokens } from './issue-token/refresh-tokens.js';
import { UserTokens } from './issue-token/user-tokens.js';
import { LaunchesController } from './launch-app/launches.controller.js';
import { Launches } from './launch-app/launches.js';
import { ClientRegistrations } from './register-client/client-registrations.js';
import { InitialAccessTokensController } from './register-client/initial-access-tokens.controller.js';
import { RegisterClientController } from './register-client/register-client.controller.js';
import { RegistrationAttempts } from './register-client/registration-attempts.js';
import { RegistrationTokens } from './register-client/registration-tokens.js';
import { SoftwareStatements } from './register-client/software-statements.js';
import { UnbornRegistrations } from './register-client/unborn-registrations.js';
import { RevokeTokenController } from './revoke-token/revoke-token.controller.js';
import { RevokeTokenHandler } from './revoke-token/revoke-token.handler.js';
import { provideGrantReceipts } from './see-grants/grant-receipts.js';
import { GrantsController } from './see-grants/grants.controller.js';
import { PATIENT_RIGHTS } from './see-patients/patient-rights.js';
import { UpstreamRightsOf } from './see-patients/upstream-rights.js';
import { IdentityFederation } from './sign-in/identity-federation.js';
import { PersonSessions } from './sign-in/person-sessions.js';
import { SignInController } from './sign-in/sign-in.controller.js';
import { TokenEnforcement } from './token-enforcement.js';
import { TokenConfig } from './token.config.js';

/** Tokens for approved applications, and their end. */
@Module({
  controllers: [
    DiscoveryController,
    RevokeTokenController,
    SignInController,
    InteractionController,
    LaunchesController,
    GrantsController,
    RevokePersonController,
    ErasePersonController,
    BackChannelLogoutController,
    InitialAccessTokensController,
    RegisterClientController,
  ],
  providers: [
    ...provideCommands(token),
    ...provideCommands(registration),
    ...provideWriter(grantsDecider),
    ...provideReactor(closeGrants),
    ...provideActivity(),
    ...provideAppender(erasuresTopic),
    RevokeTokenHandler,
    TokenEnforcement,
    SpentAssertions,
    SigningKeys,
    ProviderRecords,
    Launches,
    UserGrants,
    GrantEvents,
    ...provideGrantReceipts(),
    PersonEnds,
    OwnerErasures,
    PersonErasures,
    RegistrationTokens,
    RegistrationAttempts,
    SealedForCommands,
    ClientRegistrations,
    UnbornRegistrations,
    RefreshTokens,
    UserTokens,
    IdentityFederation,
    PersonSessions,
    LaunchContexts,
    UserChoices,
    ConsentFlow,
    AccessTokens,
    {
      provide: PATIENT_RIGHTS,
      inject: [FhirConfig],
      useFactory: ({ endpoints }: FhirConfig) => new UpstreamRightsOf(endpoints),
    },
    {
      provide: GuardedFetch,
      inject: [TokenConfig],
      useFactory: ({ jwksAllowLoopback }: TokenConfig) => new GuardedFetch({ allowLoopback: jwksAllowLoopback }),
    },
    {
      provide: AdmittedClients,
      inject: [TokenEnforcement, GuardedFetch],
      useFactory: ({ point }: TokenEnforcement, fetcher: GuardedFetch) =>
        new AdmittedClients(point, new RemoteKeySets(fetcher)),
    },
    {
      provide: KnownOrigins,
      inject: [TokenEnforcement],
      useFactory: ({ point }: TokenEnforcement) => new KnownOrigins(point.access),
    },
    {
      provide: SoftwareStatements,
      inject: [TokenConfig, GuardedFetch, BaseConfig],
      useFactory: ({ statementIssuers }: TokenConfig, fetcher: GuardedFetch, { publicUrl }: BaseConfig) =>
        // A set of its own: what clients publish does not push the issuers' keys out.
        new SoftwareStatements(statementIssuers, new RemoteKeySets(fetcher), [
          publicUrl,
          publicUrl + oauthPaths.registration,
        ]),
    },
    {
      provide: ClientAuthentication,
      inject: [AdmittedClients, SpentAssertions, BaseConfig],
      useFactory: (clients: AdmittedClients, spent: SpentAssertions, { publicUrl }: BaseConfig) =>
        new ClientAuthentication(clients, spent, [
          publicUrl,
          publicUrl + oauthPaths.token,
          publicUrl + oauthPaths.revocation,
          publicUrl + oauthPaths.introspection,
        ]),
    },
    {
      provide: SpentProofs,
      inject: [Database, Log],
      useFactory: (database: Database, log: Log) =>
        new SpentProofs(database, (error) => log.for('token').warn('spent proofs were not removed', error)),
    },
    TokenEndpoint,
    Introspection,
    IntrospectionEndpoint,
  ],
})
export class TokenModule {}
