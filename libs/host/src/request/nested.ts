import { applyDecorators } from '@nestjs/common';
import { Type } from 'class-transformer';
import { IsArray, ValidateNested } from 'class-validator';

const NESTED = Symbol('gatehouse:nested');

/**
 * The field is an object of the class, or with `each` a list of them: built, validated and documented as such.
 *
 * @example
 * \@Nested(() => PurposeOfUse, { each: true })
 * purposesOfUse: PurposeOfUse[];
 */
export function Nested(type: () => new () => object, options: { readonly each?: boolean } = {}): PropertyDecorator {
  return applyDecorators(
    (target: object, property: string | symbol) => Reflect.defineMetadata(NESTED, type, target, property),
    Type(type),
    ...(options.each === true ? [IsArray(), ValidateNested({ each: true })] : [ValidateNested()]),
  );
}

/** The class that `@Nested` names on a property, if any. */
export function nestedClassOf(prototype: object, property: string): unknown {
  const type = Reflect.getMetadata(NESTED, prototype, property) as (() => unknown) | undefined;
  return type?.();
}
