import { Body, type PipeTransform } from '@nestjs/common';
import { malformed } from '../problem/problem-exception.js';

class WithoutFields implements PipeTransform<unknown, Record<string, never>> {
  transform(value: unknown): Record<string, never> {
    if (value === undefined) return {};
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw malformed('Send {}.', [{ pointer: '', detail: 'must be a JSON object' }]);
    }
    const [unknown] = Object.keys(value);
    if (unknown === undefined) return {};
    const pointer = `/${unknown.replace(/~/g, '~0').replace(/\//g, '~1')}`;
    throw malformed('Send {}.', [{ pointer, detail: 'is not a field of this resource' }]);
  }
}

/** The body of a command that needs none: `{}` or nothing. */
export function EmptyBody(): ParameterDecorator {
  return Body(new WithoutFields());
}
