import { CreateSpentProofs1763942400031, GuardSpentProofs1764244800036, NameProofsDatabase1764280800042 } from '#dpop';
import { FhirConfig } from '#fhir-endpoints';
import type { ServicePart } from '#host';
import { AddGrantUse1763942400013 } from './migrations/add-grant-use.js';
import { AddProviderSessions1763942400030 } from './migrations/add-provider-sessions.js';
import { BindRefreshTokens1763942400032 } from './migrations/bind-refresh-tokens.js';
import { CreateAuthorization1763942400011 } from './migrations/create-authorization.js';
import { CreateClientRegistrations1763942400033 } from './migrations/create-client-registrations.js';
import { CreateSigningKeys1763942400005 } from './migrations/create-signing-keys.js';
import { CreateTokenProtocol1763942400004 } from './migrations/create-token-protocol.js';
import { GuardSpentAssertions1764244800037 } from './migrations/guard-spent-assertions.js';
import { KeepRegistrationAttempts1764280800041 } from './migrations/keep-registration-attempts.js';
import { NameAssertionsDatabase1764280800043 } from './migrations/name-assertions-database.js';
import { NameSigningKeys1763942400012 } from './migrations/name-signing-keys.js';
import { RememberRotatedScope1764316800044 } from './migrations/remember-rotated-scope.js';
import { TokenConfig } from './token.config.js';
import { TokenModule } from './token.module.js';

/** The authorization server: `/oauth`, and the discovery documents below `/.well-known`. */
export const tokenPart: ServicePart = {
  name: 'token',
  defaultPort: 8083,
  module: TokenModule,
  config: [TokenConfig, FhirConfig],
  migrations: {
    protocol: [
      CreateTokenProtocol1763942400004,
      CreateAuthorization1763942400011,
      AddGrantUse1763942400013,
      AddProviderSessions1763942400030,
      CreateSpentProofs1763942400031,
      BindRefreshTokens1763942400032,
      CreateClientRegistrations1763942400033,
      GuardSpentProofs1764244800036,
      GuardSpentAssertions1764244800037,
      KeepRegistrationAttempts1764280800041,
      NameProofsDatabase1764280800042,
      NameAssertionsDatabase1764280800043,
      RememberRotatedScope1764316800044,
    ],
    vault: [CreateSigningKeys1763942400005, NameSigningKeys1763942400012],
  },
};
