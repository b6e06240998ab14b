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

function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}
