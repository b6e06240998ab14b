import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Position } from '#contracts';
import type { FastifyRequest } from 'fastify';
import { ApiHeader } from '../docs/described.js';
import { callerOf, type Caller } from '../identity/caller.js';
import { correlationId } from '../logging/request-context.js';
import { malformedHeader } from '../problem/problem-exception.js';
import { parsePositions } from './position.js';

/** What a command needs of the request that brought it, besides its body. */
export interface CommandRequest {
  readonly caller: Caller;
  readonly method: string;
  /** The path as asked for, without query. */
  readonly path: string;
  readonly correlationId: string;
  readonly idempotencyKey?: string;
  /** The version that `If-Match` demands. */
  readonly expectedVersion?: number;
}

/** `Idempotency-Key`: 1 to 255 printable ASCII characters. Throws a 400 problem. */
export function readIdempotencyKey(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (!/^[\x20-\x7e]{1,255}$/.test(value))
    throw malformedHeader('Idempotency-Key', 'must be 1 to 255 printable ASCII characters');
  return value;
}

/** `If-Match: "<version>"` (RFC 9110 §13.1.1), one strong tag; `*` demands no version. Throws a 400 problem. */
export function readIfMatch(value: string | undefined): number | undefined {
  if (value === undefined || value.trim() === '*') return undefined;
  const version = /^"(\d{1,15})"$/.exec(value.trim())?.[1];
  if (version === undefined)
    throw malformedHeader('If-Match', 'must be the ETag of the version that you read, such as "3"');
  return Number(version);
}

function requestOf(context: ExecutionContext): FastifyRequest {
  return context.switchToHttp().getRequest<FastifyRequest>();
}

function single(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** Everything that a command needs of its request, as a parameter of a controller's method. */
export const CommandContext = createParamDecorator((_data: unknown, context: ExecutionContext): CommandRequest => {
  const request = requestOf(context);
  const idempotencyKey = readIdempotencyKey(single(request, 'idempotency-key'));
  const expectedVersion = readIfMatch(single(request, 'if-match'));
  return {
    caller: callerOf(request),
    method: request.method,
    path: request.url.split('?', 1)[0] ?? request.url,
    correlationId: correlationId() ?? request.id,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(expectedVersion === undefined ? {} : { expectedVersion }),
  };
});

const positionHeader = ApiHeader({
  name: 'Gatehouse-Position',
  required: false,
  description:
    'Answer only from what has reached these positions, separated by commas; of another context’s, from what they caused here.',
  schema: { type: 'string' },
});

/**
 * `Gatehouse-Position` of a query: answer only from what has reached these; empty without the header. Whoever takes it
 * documents it.
 */
export const SeenPositions = createParamDecorator(
  (_data: unknown, context: ExecutionContext): readonly Position[] => {
    const value = single(requestOf(context), 'gatehouse-position');
    return value === undefined ? [] : parsePositions(value);
  },
  [
    (target, method) => {
      if (method !== undefined) positionHeader(target, method);
    },
  ],
);
