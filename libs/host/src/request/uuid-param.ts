import { isId } from '#contracts';
import { Param, type PipeTransform } from '@nestjs/common';
import { notFound } from '../problem/problem-exception.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

class KnownAsUuid implements PipeTransform<unknown, string> {
  transform(value: unknown): string {
    if (typeof value !== 'string' || !uuid.test(value)) throw notFound();
    return value.toLowerCase();
  }
}

/** A UUID in the path, in lower case. What is none names no resource: 404, as for one that does not exist. */
export function UuidParam(name = 'id'): ParameterDecorator {
  return Param(name, new KnownAsUuid());
}

class KnownAsMinted implements PipeTransform<unknown, string> {
  transform(value: unknown): string {
    const id = typeof value === 'string' ? value.toLowerCase() : '';
    if (!isId(id)) throw notFound();
    return id;
  }
}

/** The id of something that the log keeps, in the path. What this system cannot have minted is 404, as if it were not there. */
export function MintedId(name = 'id'): ParameterDecorator {
  return Param(name, new KnownAsMinted());
}
