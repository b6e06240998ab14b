import type { OpenAPIObject } from '@nestjs/swagger';

type Responses = Record<string, { headers?: Record<string, object>; description?: string; content?: object }>;

const text = { type: 'string' } as const;

const correlation = {
  'X-Correlation-Id': {
    description: 'Of this request, in the log and in every record: the one that was sent, or a new one.',
    schema: { type: 'string', pattern: '^[\\w.:-]{1,64}$' },
  },
};

const headersByStatus: Readonly<Record<string, Record<string, object>>> = {
  202: { 'Retry-After': { description: 'Seconds.', schema: { type: 'string', pattern: '^\\d+$' } } },
  401: { 'WWW-Authenticate': { description: 'RFC 6750 §3.', schema: text } },
  429: { 'Retry-After': { description: 'Seconds.', schema: { type: 'string', pattern: '^\\d+$' } } },
  503: { 'Retry-After': { description: 'Seconds.', required: true, schema: { type: 'string', pattern: '^\\d+$' } } },
};

/**
 * Puts into every operation what the server does around each of them: the correlation id, the headers that go with a
 * status, and 414 where a part of the path may be too long.
 */
export function completeAnswers(document: OpenAPIObject): void {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const operation of [item.get, item.post, item.put, item.patch, item.delete]) {
      if (operation === undefined) continue;
      const responses = operation.responses as Responses;
      const malformed = responses['400'];
      if (path.includes('{') && malformed !== undefined) responses['414'] = { ...malformed };
      for (const [status, response] of Object.entries(responses)) {
        response.headers = { ...response.headers, ...headersByStatus[status], ...correlation };
      }
    }
  }
}
