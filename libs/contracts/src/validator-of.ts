import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/schema';

const compiled = new WeakMap<TSchema, Validator>();

/**
 * The validator of a schema: compiled when it is first asked for, once in a process. Every codec knows all messages of its map
 * and most processes meet few of them; what is compiled keeps its program and its text.
 */
export function validatorOf(schema: TSchema): Validator {
  const known = compiled.get(schema);
  if (known) return known;
  const validator = Compile(schema);
  compiled.set(schema, validator);
  return validator;
}
