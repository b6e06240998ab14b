import { isObject } from '../definitions/element-values.js';
import { isResourceType, type ResourceType } from '../definitions/r4.js';

/** A resource on the server that we guard. */
export interface LocalReference {
  readonly type: ResourceType;
  readonly id: string;
}

const local = /^([A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;

/**
 * The resource that a Reference element names, or undefined: it names none by a literal reference, a contained one, or
 * one on another server (R4, References, 2.3.0.1).
 *
 * @param bases base URLs under which the guarded server names its own resources, without a slash at the end
 */
export function localReference(value: unknown, bases: readonly string[]): LocalReference | undefined {
  const text = isObject(value) ? value['reference'] : value;
  if (typeof text !== 'string') return undefined;
  const base = bases.find((it) => text.startsWith(`${it}/`));
  const [, type = '', id = ''] = local.exec(base === undefined ? text : text.slice(base.length + 1)) ?? [];
  return isResourceType(type) ? { type, id } : undefined;
}
