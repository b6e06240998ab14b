import { Type } from 'typebox';

const Point = { id: Type.String(), kind: Type.String(), position: Type.String() };
const time = { format: 'date-time' };

const Receipt = Type.Object({
  applicationId: Type.String(),
  decidedAt: Type.String(time),
  position: Type.String(),
  enforcedAt: Type.String(time),
  enforcementPoints: Type.Array(Type.Object({ ...Point, appliedAt: Type.String(time) })),
  outstanding: Type.Array(Type.Object(Point)),
  inFlightWrites: Type.Integer(),
  elapsedMs: Type.Integer(),
});

const ended = {
  userId: Type.String({ format: 'uuid' }),
  sessions: Type.Integer({ description: 'How many sessions ended.' }),
  grants: Type.Integer({ description: 'How many grants ended, those of the last hour included.' }),
  enforcedAt: Type.String({ ...time, description: 'Since then no enforcement point believes a token of them.' }),
  receipts: Type.Array(Receipt, { description: 'One for each application that the person had let in.' }),
};

/** `PersonEnded` as the OpenAPI document describes it. */
export const personEndedSchema = Type.Object(ended);

/** `PersonErased` as the OpenAPI document describes it. */
export const personErasedSchema = Type.Object({
  ...ended,
  erasedAt: Type.String({ ...time, description: 'Since then the vault knows nothing of them.' }),
});
