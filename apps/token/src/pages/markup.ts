const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** HTML that was made by {@link html}, and so needs no escaping: the only text that a page takes as it is. */
export class Markup {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** @see html */
  static of(strings: TemplateStringsArray, values: readonly Insert[]): Markup {
    return new Markup(String.raw({ raw: strings }, ...values.map((value) => Markup.#insert(value))));
  }

  static #insert(value: Insert): string {
    if (value instanceof Markup) return value.#text;
    if (typeof value === 'object') return value.map((each) => Markup.#insert(each)).join('');
    if (value === undefined || value === false) return '';
    return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? '');
  }

  toString(): string {
    return this.#text;
  }
}

/** What can stand in a page: text is escaped, markup and lists of it are not, `undefined` and `false` are nothing. */
export type Insert = string | number | false | undefined | Markup | readonly Insert[];

/**
 * A piece of a page, each inserted value escaped for text and for attributes in quotes. There is no way to insert a
 * string unescaped.
 *
 * @example html`<p title="${name}">${name}</p>`
 */
export function html(strings: TemplateStringsArray, ...values: readonly Insert[]): Markup {
  return Markup.of(strings, values);
}

/** A style sheet, of which nothing is inserted: so that its digest in the policy of pages is known beforehand. */
export function css(strings: TemplateStringsArray): Markup {
  return Markup.of(strings, []);
}
