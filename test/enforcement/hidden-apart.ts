import fc from 'fast-check';
import type { ModelResource } from './model.js';

/** `Observation/o1`. */
export function keyOf({ resourceType, id }: ModelResource): string {
  return `${resourceType}/${id}`;
}

/** Whether a resource is hidden where all of these are there. */
type IsHidden = (resource: ModelResource, all: readonly ModelResource[]) => boolean;

/**
 * Data that differ from these only in what is hidden: of it `keep` stays, and what other data hide comes in; the same ids may
 * stand for something else now. A case in which something else is seen by that is none (`fc.pre`).
 */
export function hiddenApart(
  data: readonly ModelResource[],
  others: readonly ModelResource[],
  isHidden: IsHidden,
  keep: () => boolean = () => false,
): readonly ModelResource[] {
  const seen = data.filter((it) => !isHidden(it, data));
  const rest = data.filter((it) => isHidden(it, data) && keep());
  const taken = new Set([...seen, ...rest].map(keyOf));
  const added = others.filter((it) => !taken.has(keyOf(it)) && isHidden(it, [...data, ...others]));
  const changed = [...seen, ...rest, ...added];
  fc.pre(changed.every((it) => isHidden(it, changed) === !seen.includes(it)));
  return changed;
}
