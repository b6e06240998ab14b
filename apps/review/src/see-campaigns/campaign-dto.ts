import { Type } from 'typebox';

const time = Type.String({ description: 'RFC 3339, UTC.' });
const count = Type.Integer({ minimum: 0 });
const party = Type.Object({ id: Type.String(), name: Type.Optional(Type.String()) });
const scopes = Type.Array(Type.String());
const anything = { type: 'object', additionalProperties: true } as const;

/** A campaign as it is answered (api.md, Shapes). */
export const campaignSchema = Type.Object({
  id: Type.String(),
  version: Type.Integer(),
  name: Type.String(),
  status: Type.String({ enum: ['open', 'closed'] }),
  dueAt: time,
  include: anything,
  onSilence: Type.String({ enum: ['keep', 'revoke'] }),
  population: count,
  decided: count,
  bySilence: count,
  undecided: count,
  openedAt: time,
  openedBy: Type.String(),
  remindedAt: Type.Optional(time),
  closedAt: Type.Optional(time),
  closedBy: Type.Optional(Type.String()),
});

const decisionSchema = Type.Object({
  decision: Type.String({ enum: ['keep', 'narrow', 'revoke'] }),
  scopes: Type.Optional(scopes),
  reason: Type.String(),
  by: party,
  at: time,
  bySilence: Type.Boolean(),
});

/** An access that a campaign asks about. */
export const itemSchema = Type.Object({
  id: Type.String(),
  campaignId: Type.String(),
  applicationId: Type.String(),
  applicationName: Type.String(),
  owner: party,
  scopes,
  evidence: anything,
  recommendation: Type.String({ enum: ['keep', 'narrow', 'revoke'] }),
  decision: Type.Optional(decisionSchema),
});

/** Everything that a campaign asked and that was decided, by whom and when: what is shown to an auditor. */
export const evidenceSchema = Type.Object({
  campaign: campaignSchema,
  openedBy: party,
  closedBy: Type.Optional(party),
  closeReason: Type.Optional(Type.String()),
  items: Type.Array(itemSchema),
});
