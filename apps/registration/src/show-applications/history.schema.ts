const text = { type: 'string' as const };

/** One event of an application as the OpenAPI document describes it. */
export const historySchema = {
  type: 'object' as const,
  required: ['id', 'version', 'type', 'time', 'actor', 'correlationId', 'position', 'data'],
  properties: {
    id: text,
    version: { type: 'integer' as const },
    type: text,
    time: { type: 'string' as const, format: 'date-time' },
    actor: text,
    correlationId: text,
    position: text,
    data: { type: 'object' as const },
  },
};
