import { isId } from '#contracts';
import { notFound } from '#host';
import { Param, type PipeTransform } from '@nestjs/common';

class KnownAsApplication implements PipeTransform<unknown, string> {
  transform(value: unknown): string {
    const id = typeof value === 'string' ? value.toLowerCase() : '';
    if (!isId(id)) throw notFound();
    return id;
  }
}

/** An application's id in the path. What this system cannot have minted names none: 404, as for one that does not exist. */
export function ApplicationId(): ParameterDecorator {
  return Param('id', new KnownAsApplication());
}
