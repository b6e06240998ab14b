import { Type, type Static } from 'typebox';

/** The effective access of an application, as `GET /access/applications/{id}` shows it. */
export const shownAccess = Type.Object({
  applicationId: Type.String(),
  clientId: Type.String(),
  name: Type.String(),
  kind: Type.String(),
  clientType: Type.String(),
  status: Type.Union([Type.Literal('open'), Type.Literal('closed')]),
  why: Type.Optional(
    Type.String({
      description: 'Why it is closed: revoked, suspended, not-approved, not-active, expired, undecodable.',
    }),
  ),
  scopes: Type.Array(Type.String(), { description: 'What is approved; empty when closed.' }),
  approvalVersion: Type.Optional(Type.Integer()),
  expiresAt: Type.Optional(Type.String({ format: 'date-time' })),
  epoch: Type.Integer({ description: 'Tokens of an earlier epoch are dead for good.' }),
  purposesOfUse: Type.Array(Type.String()),
  endpoints: Type.Array(Type.String()),
  observed: Type.Optional(
    Type.Array(
      Type.Object({
        endpoint: Type.String(),
        interactions: Type.Optional(Type.Array(Type.String(), { description: 'Absent for all.' })),
        until: Type.String({ format: 'date-time' }),
      }),
      {
        description:
          'Where its calls are decided and recorded, and let in whatever was decided: by the configuration of the instance that answers.',
      },
    ),
  ),
  enforcementPoints: Type.Array(
    Type.Object({
      id: Type.String(),
      kind: Type.String(),
      positions: Type.Array(Type.String(), {
        description: 'The last record that the point has applied, in each topic.',
      }),
      appliedAt: Type.String({ format: 'date-time' }),
    }),
  ),
});
export type ShownAccess = Static<typeof shownAccess>;
