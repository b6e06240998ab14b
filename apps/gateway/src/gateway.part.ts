import { CreateSpentProofs1763942400031, GuardSpentProofs1764244800036, NameProofsDatabase1764280800042 } from '#dpop';
import { FhirConfig } from '#fhir-endpoints';
import type { ServicePart } from '#host';
import { GatewayConfig } from './gateway.config.js';
import { GatewayModule } from './gateway.module.js';

/** Enforces at the FHIR API, and shows who may do what there. */
export const gateway: ServicePart = {
  name: 'gateway',
  defaultPort: 8084,
  module: GatewayModule,
  config: [GatewayConfig, FhirConfig],
  // The same table for all who check proofs, made by whoever starts first.
  migrations: {
    protocol: [CreateSpentProofs1763942400031, GuardSpentProofs1764244800036, NameProofsDatabase1764280800042],
  },
};
