import type { OpenAPIObject } from '@nestjs/swagger';

type Components = NonNullable<OpenAPIObject['components']>;

/** A schema of an OpenAPI document, not a reference to one. */
export type SchemaObject = Exclude<NonNullable<Components['schemas']>[string], { $ref: string }>;
