/** A place that was looked through, and all that stands there. */
export interface Place {
  /** For example `table projection.applications` or `topic gatehouse.activity`. */
  readonly name: string;
  readonly content: Buffer | string;
}

/** A value that must stand nowhere, and what it is, for whoever reads the failure: the value itself is not shown. */
export interface Secret {
  readonly what: string;
  readonly value: string;
}

/** Shorter values stand everywhere by chance. */
const SHORTEST = 8;

/**
 * Which of the values stand where, in any of the forms that {@link formsOf} gives, whatever the case of letters of
 * hexadecimal digits is: `what in name, as form`.
 */
export function findValues(secrets: Iterable<Secret>, places: Iterable<Place>): readonly string[] {
  const forms = new Map<string, { readonly what: string; readonly form: string }>();
  for (const { what, value } of secrets) {
    if (value.length < SHORTEST) throw new Error(`${what} is too short to be searched for`);
    for (const [form, text] of formsOf(value)) forms.set(text, { what, form });
  }
  const found = new Set<string>();
  for (const { name, content } of places) {
    const text = typeof content === 'string' ? content : content.toString('latin1');
    const folded = text.toLowerCase();
    for (const [wanted, { what, form }] of forms) {
      const hit =
        form === 'hexadecimal' ? folded.includes(wanted) : text.includes(wanted) || text.includes(utf8(wanted));
      if (hit) found.add(`${what} in ${name}, as ${form}`);
    }
  }
  return [...found];
}

/** How a value may have been written: as it is, in JSON, in a URL, in hexadecimal digits, in base64 of any alignment. */
export function formsOf(value: string): ReadonlyMap<string, string> {
  const bytes = Buffer.from(value);
  const forms = new Map([
    ['itself', value],
    ['JSON', JSON.stringify(value).slice(1, -1)],
    ['JSON in JSON', JSON.stringify(JSON.stringify(value).slice(1, -1)).slice(1, -1)],
    ['URL', encodeURIComponent(value)],
    ['form', new URLSearchParams({ '': value }).toString().slice(1)],
    ['hexadecimal', bytes.toString('hex')],
  ]);
  for (const before of [0, 1, 2]) {
    // What stands before it shifts it; the characters that its neighbours have a part in are left out.
    const shifted = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const own = shifted.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    forms.set(`base64, shifted by ${String(before)}`, own);
    forms.set(`base64url, shifted by ${String(before)}`, own.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}

/** As it stands in bytes that were read as Latin-1. */
function utf8(text: string): string {
  return Buffer.from(text).toString('latin1');
}
