import { token } from '#contracts';
import { BaseConfig, provideActivity, provideCommands, provideReactor, provideWriter } from '#host';
import { oauthPaths } from '#smart';
import { Module } from '@nestjs/common';
import { AdmittedClients } from './authenticate-client/admitted-clients.js';
import { ClientAuthentication } from './authenticate-client/client-authentication.js';
import { GuardedFetch } from './authenticate-client/guarded-fetch.js';
import { RemoteKeySets } from './authenticate-client/remote-key-sets.js';
import { SpentAssertions } from './authenticate-client/spent-assertions.js';
import { SigningKeys } from './authorization-server/signing-keys.js';
import { TokenEndpoint } from './authorization-server/token-endpoint.js';
import { closeGrants } from './close-grants.reactor.js';
import { DiscoveryController } from './discovery/discovery.controller.js';
import { grantsDecider } from './grants.decider.js';
import { RevokeTokenController } from './revoke-token/revoke-token.controller.js';
import { RevokeTokenHandler } from './revoke-token/revoke-token.handler.js';
import { TokenEnforcement } from './token-enforcement.js';
import { TokenConfig } from './token.config.js';

/** Tokens for approved applications, and their end. */
@Module({
  controllers: [DiscoveryController, RevokeTokenController],
  providers: [
    ...provideCommands(token),
    ...provideWriter(grantsDecider),
    ...provideReactor(closeGrants),
    ...provideActivity(),
    RevokeTokenHandler,
    TokenEnforcement,
    SpentAssertions,
    SigningKeys,
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
      provide: ClientAuthentication,
      inject: [AdmittedClients, SpentAssertions, BaseConfig],
      useFactory: (clients: AdmittedClients, spent: SpentAssertions, { publicUrl }: BaseConfig) =>
        new ClientAuthentication(clients, spent, [
          publicUrl,
          publicUrl + oauthPaths.token,
          publicUrl + oauthPaths.revocation,
        ]),
    },
    TokenEndpoint,
  ],
})
export class TokenModule {}
