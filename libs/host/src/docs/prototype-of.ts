/** Where a class keeps its methods and decorators their metadata; typed, unlike `Function.prototype`. */
export function prototypeOf(type: object): object {
  const prototype: unknown = Reflect.get(type, 'prototype');
  if (typeof prototype !== 'object' || prototype === null) throw new Error('this is no class');
  return prototype;
}
