import { covers, intersect, parseScope, parseScopes, serialiseScope, type Scope } from '#smart';

/**
 * Comparisons of scopes as the log holds them, which is text. What cannot be read stands for no access: it covers
 * nothing, and nothing is approved by it.
 */

/** A fault of one scope of a request's list, as problem documents name it. */
export interface ScopeError {
  readonly pointer: string;
  readonly detail: string;
}

function readable(texts: readonly string[]): readonly Scope[] {
  return texts.flatMap((text) => {
    const parsed = parseScope(text);
    return parsed.ok ? [parsed.scope] : [];
  });
}

/** Every scope that is not SMART's grammar or stands twice. */
export function scopeFaults(texts: readonly string[], pointer: string): readonly ScopeError[] {
  const parsed = parseScopes(texts);
  if (parsed.ok) return [];
  return parsed.faults.map(({ index, position, expected }) => ({
    pointer: `${pointer}/${index}`,
    detail: `expected at character ${position}: ${expected}`,
  }));
}

/** Every scope that allows more than the bound does; none when the list is narrower or equal. */
export function widerThan(texts: readonly string[], bound: readonly string[], pointer: string): readonly ScopeError[] {
  const granted = readable(bound);
  return texts.flatMap((text, index) => {
    const parsed = parseScope(text);
    if (parsed.ok && covers(granted, parsed.scope)) return [];
    return [{ pointer: `${pointer}/${index}`, detail: `${text} allows more than was asked for` }];
  });
}

/** What all lists allow, in the words of the first; the list itself when it is alone. */
export function inCommon(first: readonly string[], ...others: readonly (readonly string[])[]): readonly string[] {
  if (others.length === 0) return first;
  const common = others.reduce<readonly Scope[]>((held, other) => intersect(held, readable(other)), readable(first));
  return common.map(serialiseScope);
}

/** Whether two scopes share an interaction. A scope that cannot be read is taken to share one with every other. */
export function overlap(a: string, b: string): boolean {
  const [left, right] = [parseScope(a), parseScope(b)];
  if (!left.ok || !right.ok) return true;
  return intersect([left.scope], [right.scope]).length > 0;
}
