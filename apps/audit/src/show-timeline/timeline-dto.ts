import { Type } from 'typebox';

const party = Type.Object({ id: Type.String(), name: Type.Optional(Type.String()) });
const time = Type.String({ description: 'RFC 3339, UTC.' });
const count = Type.Integer({ minimum: 0 });
const anything = { type: 'object', additionalProperties: true } as const;

/** One page that answers five questions about an application (api.md, Resources). */
export const timelineSchema = Type.Object({
  application: Type.Object({
    id: Type.String(),
    clientId: Type.Optional(Type.String()),
    name: Type.Optional(Type.String()),
    kind: Type.Optional(Type.String()),
    clientType: Type.Optional(Type.String()),
    owner: Type.Optional(party),
  }),
  registered: Type.Optional(Type.Object({ by: party, at: time })),
  requested: Type.Optional(anything),
  approvals: Type.Array(
    Type.Object({ at: time, type: Type.String(), by: Type.Array(party) }, { additionalProperties: true }),
  ),
  tokens: Type.Object({
    count,
    first: Type.Optional(time),
    last: Type.Optional(time),
    items: Type.Array(anything, { description: 'The newest ones; all of them at /audit/records?type=token-issued.' }),
  }),
  access: Type.Object({
    allowed: count,
    denied: count,
    byInteraction: Type.Array(
      Type.Object({
        interaction: Type.Optional(Type.String()),
        resourceType: Type.Optional(Type.String()),
        allowed: count,
        denied: count,
        last: time,
      }),
    ),
    items: Type.Array(anything, { description: 'The newest calls, with what became of them.' }),
  }),
  events: Type.Array(anything, { description: 'Everything that was decided about it, oldest first.' }),
});
