/** A JSON value. */
type Storable = string | number | boolean | null | readonly Storable[] | { readonly [name: string]: Storable };

/**
 * A JSON value as `jsonb` can hold it: Postgres refuses NUL and half surrogate pairs, and what a client sent must not be
 * able to stop a projection. Both become U+FFFD; the log keeps the record as it came.
 */
export function storable(value: unknown): Storable {
  if (typeof value === 'string') return storableText(value);
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return null;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [storableText(name), storable(member)]));
}

/** What JSON escapes of what `jsonb` refuses. A backslash before it makes it harmless text, which costs time and no more. */
const REFUSED = /\\u(?:0000|d[89a-f])/;

/** Rows, or one value, as a `jsonb` parameter. Most texts hold nothing that Postgres refuses: they are looked at once, not member by member. */
export function storableJson(value: object): string {
  const json = JSON.stringify(value);
  return REFUSED.test(json) ? JSON.stringify(storable(value)) : json;
}

/** A text as Postgres can hold it. */
export function storableText(text: string): string {
  const wellFormed = text.toWellFormed();
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '\ufffd') : wellFormed;
}
