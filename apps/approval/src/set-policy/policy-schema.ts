import { Type } from 'typebox';

/** The policy as it is shown: what was put, and its version. */
export const policySchema = Type.Object({
  version: Type.Integer({ minimum: 0, description: '0 is the default, until an operator sets one.' }),
  approvals: Type.Integer(),
  rules: Type.Array(Type.Object({ scope: Type.String(), approvals: Type.Integer() })),
  autoApprove: Type.Array(Type.Object({ kind: Type.String(), scopes: Type.Array(Type.String()) })),
  reviewDays: Type.Integer({
    description: 'Business days from the request on; reviews of patients’ applications are due after five at most.',
  }),
  holidays: Type.Optional(Type.Array(Type.String({ format: 'date' }))),
  timeZone: Type.Optional(Type.String()),
  maximumApprovalDays: Type.Integer(),
});
