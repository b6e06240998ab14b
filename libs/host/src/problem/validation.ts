import { ValidationPipe, type ArgumentMetadata } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { malformed } from './problem-exception.js';
import type { FieldError } from './problem.js';

/** Levels of arrays and objects in a body; no resource has more than a few. */
const mostNested = 64;
const NO_NUL = 'must not contain U+0000';

/**
 * Validates bodies, queries and parameters by the DTO's class-validator decorators: unknown fields are
 * refused, and a fault answers 400 with one JSON Pointer per field. Text with a NUL is refused everywhere:
 * Postgres cannot hold it.
 */
export class RequestValidation extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      exceptionFactory: (errors: ValidationError[]) =>
        malformed('The request has fields that are not valid.', fieldErrors(errors)),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'custom') return value;
    mustBeFit(value);
    if (metadata.type === 'body' && isClass(metadata.metatype) && value !== undefined && !isObject(value)) {
      throw malformed('The body must be a JSON object.', [{ pointer: '', detail: 'must be a JSON object' }]);
    }
    const result: unknown = await super.transform(value, metadata);
    return result;
  }
}

/** The faults of class-validator as JSON Pointers, nested objects and arrays included. */
export function fieldErrors(errors: readonly ValidationError[], parent = ''): FieldError[] {
  return errors.flatMap((error) => {
    const pointer = `${parent}/${error.property.replace(/~/g, '~0').replace(/\//g, '~1')}`;
    const own = Object.entries(error.constraints ?? {}).map(([name, message]) => ({
      pointer,
      detail: wording(name, message, error.property),
    }));
    return [...own, ...fieldErrors(error.children ?? [], pointer)];
  });
}

function wording(constraint: string, message: string, property: string): string {
  if (constraint === 'whitelistValidation') return 'is not a field of this resource';
  return message.startsWith(`${property} `) ? message.slice(property.length + 1) : message;
}

function isClass(metatype: unknown): boolean {
  return (
    typeof metatype === 'function' &&
    ![String, Number, Boolean, Array, Object, Date].some((builtIn) => builtIn === metatype)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws a 400 for what no field may be, whatever a route takes. */
export function mustBeFit(value: unknown): void {
  const fault = unfit(value);
  if (fault !== undefined) throw malformed('The request has fields that are not valid.', [fault]);
}

/** What no field may be: text with a NUL, or nested deeper than anybody's stack can follow. */
function unfit(value: unknown, depth = 0): FieldError | undefined {
  if (typeof value === 'string') return value.includes('\u0000') ? { pointer: '', detail: NO_NUL } : undefined;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined;
  if (depth === mostNested) return { pointer: '', detail: `must not be nested deeper than ${mostNested} levels` };
  for (const [key, item] of Object.entries(value)) {
    const found = key.includes('\u0000') ? { pointer: '', detail: NO_NUL } : unfit(item, depth + 1);
    if (found !== undefined)
      return { ...found, pointer: `/${key.replace(/~/g, '~0').replace(/\//g, '~1')}${found.pointer}` };
  }
  return undefined;
}
