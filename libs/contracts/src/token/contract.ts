import { Type } from 'typebox';
import { defineContext, message, type CommandOf, type EventOf } from '../definition.js';
import { Id, Reason, Scopes, Time, VaultId } from '../vocabulary.js';

/** How far clocks may be apart: an access token is believed, and so can be revoked, this long past its end, in seconds. */
export const TOKEN_CLOCK_TOLERANCE_S = 5;

/** How long an access token lives at most, in seconds (SMART App Launch 2.2: no more than an hour). */
export const ACCESS_TOKEN_LIFE_MAX_S = 3600;

/** How long a grant lasts: one access token, as long as the user is signed in, or past that. */
const GrantDuration = Type.Union([Type.Literal('once'), Type.Literal('online'), Type.Literal('offline')]);

/** Why a grant ended before its time. */
const GrantEnd = Type.Union([
  Type.Literal('withdrawn'),
  Type.Literal('revoked-by-client'),
  Type.Literal('code-reused'),
  Type.Literal('refresh-token-reused'),
  Type.Literal('signed-out'),
  Type.Literal('right-ended'),
  Type.Literal('user-revoked'),
]);

/** What a user agreed to. Who they are, and which patient it is about, the vault knows. */
const Grant = Type.Object({
  grantId: Id,
  userId: VaultId,
  patient: Type.Optional(VaultId),
  scopes: Scopes,
  duration: GrantDuration,
  approvalVersion: Type.Integer({ minimum: 1 }),
});

/** Token owns grants, credentials and tokens. Keyed by application. What is issued stands in the activity topic. */
export const token = defineContext({
  context: 'token',
  commands: {
    'revoke-token': message(
      'Ends one access token (RFC 7009).',
      Type.Object({ tokenId: Type.String(), expiresAt: Time }),
    ),
    'consent-grant': message('A user agrees to what an application asks for.', Grant),
    'revoke-grant': message(
      'Ends one grant, and every token that rests on it.',
      Type.Object({ grantId: Id, cause: GrantEnd, reason: Type.Optional(Reason) }),
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
    'grant-consented': message('A user agreed; tokens of the grant carry its id.', Grant),
    'grant-revoked': message(
      'A grant has ended. Its access tokens are dead; the last of them would have expired at `tokensExpireAt`.',
      Type.Object({ grantId: Id, cause: GrantEnd, reason: Type.Optional(Reason), tokensExpireAt: Time }),
    ),
    'grants-closed': message('Every grant of the application has ended.', Type.Object({ reason: Reason })),
  },
});

export type TokenCommand = CommandOf<typeof token>;
export type TokenEvent = EventOf<typeof token>;
