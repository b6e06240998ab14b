import { applyDecorators, HttpCode } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiResponse } from '../docs/described.js';
import type { SchemaObject } from '../docs/schema-object.js';

/** What a body looks like in the OpenAPI document: a class with class-validator or `@ApiProperty`, or a JSON Schema. */
export type BodyShape = (new (...args: never[]) => object) | SchemaObject;

const etag = {
  ETag: {
    description: 'The version, in quotes.',
    required: true,
    schema: { type: 'string', pattern: '^"\\d+"$' } as const,
  },
};
const position = {
  'Gatehouse-Position': {
    description: '`<topic>:<partition>:<offset>` of what was decided.',
    required: true,
    schema: { type: 'string' } as const,
  },
};
const location = {
  Location: { description: 'Where the resource is.', required: true, schema: { type: 'string' } as const },
};

const problem: SchemaObject = {
  type: 'object',
  required: ['type', 'title', 'status'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'detail'],
        properties: { pointer: { type: 'string' }, detail: { type: 'string' } },
      },
    },
  },
};

const commandResource: SchemaObject = {
  type: 'object',
  required: ['id', 'status'],
  properties: {
    id: { type: 'string' },
    status: { type: 'string', enum: ['pending', 'succeeded', 'refused', 'failed', 'expired'] },
  },
};

/** Documents problem responses of the given statuses. */
export function Problems(...statuses: number[]): MethodDecorator {
  return applyDecorators(
    ...statuses.map((status) =>
      ApiResponse({
        status,
        description: 'A problem document (RFC 9457).',
        content: { 'application/problem+json': { schema: problem } },
      }),
    ),
  );
}

/** A `POST` that creates: 201 with `Location`, `ETag`, `Gatehouse-Position`; 202 without an outcome in time. */
export function Creates(shape: BodyShape): MethodDecorator {
  return applyDecorators(
    HttpCode(201),
    ...body(201, 'Created.', shape, { ...location, ...etag, ...position }),
    ...commandParts(),
    Problems(400, 401, 403, 404, 409, 413, 415, 422, 500, 503),
  );
}

/** Another command: 200 with the resource or the receipt; 202 without an outcome in time. */
export function Commands(shape: BodyShape): MethodDecorator {
  return applyDecorators(
    HttpCode(200),
    ...body(200, 'Done.', shape, { ...etag, ...position }),
    ApiHeader({
      name: 'If-Match',
      required: false,
      description: 'The ETag of the version that you read.',
      schema: { type: 'string' },
    }),
    ...commandParts(),
    Problems(400, 401, 403, 404, 409, 412, 413, 415, 422, 500, 503),
  );
}

/** A `GET` of one resource: 200 with its `ETag`. */
export function Reads(shape: BodyShape): MethodDecorator {
  return applyDecorators(...body(200, 'The resource.', shape, etag), Problems(400, 401, 403, 404, 500, 503));
}

/** A `GET` of what is put together when it is asked for, such as a report or a proof: 200, and no version. */
export function Shows(shape: BodyShape): MethodDecorator {
  return applyDecorators(...body(200, 'As it is now.', shape, {}), Problems(400, 401, 403, 404, 500, 503));
}

/** A `GET` of a list: 200 with `{ items, next? }`. The query DTO extends `PageQuery`. */
export function Lists(item: BodyShape): MethodDecorator {
  const page: SchemaObject = {
    type: 'object',
    required: ['items'],
    properties: {
      items: { type: 'array', items: schemaOf(item) },
      next: { type: 'string', description: 'The cursor of the next page; absent on the last.' },
    },
  };
  return applyDecorators(
    ...(typeof item === 'function' ? [ApiExtraModels(item)] : []),
    ...body(200, 'A page.', page, {}),
    Problems(400, 401, 403, 404, 500, 503),
  );
}

function commandParts(): MethodDecorator[] {
  return [
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'A retry with the same key gets the same answer.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    }),
    ApiResponse({
      status: 202,
      description: 'No outcome in time; ask `Location`.',
      headers: location,
      content: { 'application/json': { schema: commandResource } },
    }),
  ];
}

function body(
  status: number,
  description: string,
  shape: BodyShape,
  headers: NonNullable<Parameters<typeof ApiResponse>[0]['headers']>,
): MethodDecorator[] {
  return [
    ...(typeof shape === 'function' ? [ApiExtraModels(shape)] : []),
    ApiResponse({ status, description, headers, content: { 'application/json': { schema: schemaOf(shape) } } }),
  ];
}

function schemaOf(shape: BodyShape): SchemaObject | { $ref: string } {
  return typeof shape === 'function' ? { $ref: `#/components/schemas/${shape.name}` } : shape;
}
