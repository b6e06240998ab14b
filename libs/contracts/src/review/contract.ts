import { Type, type Static } from 'typebox';
import { defineContext, message, type CommandOf, type EventOf } from '../definition.js';
import { ApplicationKind, Id, Reason, Scopes, Time, VaultId } from '../vocabulary.js';

/** Which applications a campaign asks about: all with open access, or those of these kinds or ids. */
const Include = Type.Object({
  kinds: Type.Optional(Type.Array(ApplicationKind)),
  applicationIds: Type.Optional(Type.Array(Id, { maxItems: 5000 })),
});

/** What the log knows of an access when the campaign opens. */
const Evidence = Type.Object({
  approvalVersion: Type.Integer(),
  expiresAt: Time,
  tokensIssued: Type.Integer({ minimum: 0 }),
  callsAllowed: Type.Integer({ minimum: 0 }),
  callsDenied: Type.Integer({ minimum: 0 }),
  lastUsedAt: Type.Optional(Time),
  /** Approved scopes under which no call was let in. */
  unusedScopes: Scopes,
  /** How many days of activity were looked at. */
  days: Type.Integer({ minimum: 0 }),
});
export type CampaignEvidence = Static<typeof Evidence>;

const Recommendation = Type.Union([Type.Literal('keep'), Type.Literal('narrow'), Type.Literal('revoke')]);

const Item = Type.Object({
  id: Id,
  applicationId: Id,
  applicationName: Type.String(),
  ownerId: VaultId,
  scopes: Scopes,
  evidence: Evidence,
  recommendation: Recommendation,
});
export type CampaignItem = Static<typeof Item>;

const OnSilence = Type.Union([Type.Literal('keep'), Type.Literal('revoke')]);

/** Review owns certification campaigns: which access is still needed. Keyed by campaign. */
export const review = defineContext({
  context: 'review',
  commands: {
    'open-campaign': message(
      'Opens a certification campaign over the approved access that the edge saw.',
      Type.Object({
        name: Type.String({ minLength: 1, maxLength: 200 }),
        dueAt: Time,
        include: Include,
        onSilence: OnSilence,
        items: Type.Array(Item, { maxItems: 5000 }),
      }),
    ),
    'decide-item': message(
      'A reviewer keeps, narrows or revokes an access.',
      Type.Object({
        itemId: Id,
        decision: Recommendation,
        scopes: Type.Optional(Scopes),
        reason: Reason,
        /** The application's owner now, as the edge knows it: the one in the item may have given it away. */
        ownerId: Type.Optional(VaultId),
      }),
    ),
    'remind-campaign': message('Reminds the reviewers of what is undecided.', Type.Object({})),
    'close-campaign': message(
      'Closes a campaign; what is undecided follows `onSilence`.',
      Type.Object({ reason: Reason }),
    ),
  },
  events: {
    'campaign-opened': message(
      'A campaign asks which access is still needed.',
      Type.Object({
        name: Type.String(),
        dueAt: Time,
        include: Include,
        onSilence: OnSilence,
        population: Type.Integer(),
      }),
    ),
    'campaign-items-added': message(
      'Items of a campaign, in portions that fit a record.',
      Type.Object({ items: Type.Array(Item, { maxItems: 200 }) }),
    ),
    'item-decided': message(
      'An access was kept, narrowed or revoked. `bySilence` when nobody spoke in time.',
      Type.Object({
        itemId: Id,
        applicationId: Id,
        decision: Recommendation,
        scopes: Type.Optional(Scopes),
        reason: Reason,
        bySilence: Type.Boolean(),
      }),
    ),
    'campaign-reminded': message('The reviewers were reminded.', Type.Object({ undecided: Type.Integer() })),
    'campaign-closed': message(
      'The campaign is over.',
      Type.Object({ reason: Reason, decided: Type.Integer(), bySilence: Type.Integer() }),
    ),
  },
});

export type ReviewCommand = CommandOf<typeof review>;
export type ReviewEvent = EventOf<typeof review>;
