import type { ServicePart } from '#host';
import { CreateSigningKeys1763942400005 } from './migrations/create-signing-keys.js';
import { CreateTokenProtocol1763942400004 } from './migrations/create-token-protocol.js';
import { TokenConfig } from './token.config.js';
import { TokenModule } from './token.module.js';

/** The token service: `/oauth`, and the discovery documents below `/.well-known`. */
export const tokenPart: ServicePart = {
  name: 'token',
  defaultPort: 8083,
  module: TokenModule,
  config: [TokenConfig],
  migrations: { protocol: [CreateTokenProtocol1763942400004], vault: [CreateSigningKeys1763942400005] },
};
