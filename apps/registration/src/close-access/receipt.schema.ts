const text = { type: 'string' as const };
const time = { type: 'string' as const, format: 'date-time' };
const point = { id: text, kind: { type: 'string' as const, enum: ['gateway', 'token'] }, position: text };

/** The receipt as the OpenAPI document describes it (api.md, Resources). */
export const receiptSchema = {
  type: 'object' as const,
  required: [
    'applicationId',
    'decidedAt',
    'position',
    'enforcedAt',
    'enforcementPoints',
    'outstanding',
    'inFlightWrites',
    'elapsedMs',
  ],
  properties: {
    applicationId: text,
    decidedAt: time,
    position: text,
    enforcedAt: time,
    enforcementPoints: {
      type: 'array' as const,
      items: { type: 'object' as const, properties: { ...point, appliedAt: time } },
    },
    outstanding: { type: 'array' as const, items: { type: 'object' as const, properties: point } },
    inFlightWrites: { type: 'integer' as const },
    elapsedMs: { type: 'integer' as const },
  },
};
