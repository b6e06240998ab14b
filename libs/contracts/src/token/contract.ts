import { Type } from 'typebox';
import { defineContext, message, type CommandOf, type EventOf } from '../definition.js';
import { Reason, Time } from '../vocabulary.js';

/** How far clocks may be apart: an access token is believed, and so can be revoked, this long past its end, in seconds. */
export const TOKEN_CLOCK_TOLERANCE_S = 5;

/** Token owns grants, credentials and tokens. Keyed by application. What is issued stands in the activity topic. */
export const token = defineContext({
  context: 'token',
  commands: {
    'revoke-token': message(
      'Ends one access token (RFC 7009).',
      Type.Object({ tokenId: Type.String(), expiresAt: Time }),
    ),
    'close-grants': message(
      'Ends every grant of a revoked application, brought by the reactor of registration.',
      Type.Object({ reason: Reason }),
    ),
  },
  events: {
    'token-revoked': message(
      'An access token is dead; kept until it would have expired.',
      Type.Object({ tokenId: Type.String(), expiresAt: Time }),
    ),
    'grants-closed': message('Every grant of the application has ended.', Type.Object({ reason: Reason })),
  },
});

export type TokenCommand = CommandOf<typeof token>;
export type TokenEvent = EventOf<typeof token>;
