import { type FhirResource, isResource, readExactJson } from '#smart';

/** Texts up to this size are kept, in bytes of JSON: nothing that a resource is judged by is longer. */
const KEPT_TEXT = 1_024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN, CLOSE, LIST, LIST_END, COMMA] = [0x7b, 0x7d, 0x5b, 0x5d, 0x2c];

/** What of a resource is there, while the rest still comes. */
export interface Begun {
  /** The members that are complete. */
  readonly resource: FhirResource;
  /** The name of the member that is coming. */
  readonly coming: string | undefined;
  /** Whether a text is coming that is too long to be kept. */
  readonly isInLongText: boolean;
}

/**
 * A resource in JSON without its long texts (a Binary's data, attachments, narratives): what remains of one that is too large
 * to be held, as its bytes pass by. An empty text stands for each that was left out.
 */
export class AbridgedJson {
  /** JSON in UTF-8, each byte as one character: of the pieces before, and of this one. */
  #before = '';
  #kept = '';
  /** The text that is coming, with its quote; undefined once it is too long. */
  #text: string | undefined;
  #isInText = false;
  /** How many backslashes stand before what comes next, in a text. */
  #slashes = 0;
  #depth = 0;
  /** Where in what is kept the last member ended that is complete. */
  #complete = 0;

  /** Takes what came next. */
  take(piece: Buffer): void {
    for (let at = 0; at < piece.length;) at = this.#isInText ? this.#takeText(piece, at) : this.#takeBetween(piece, at);
    // Joined of many short texts, it would take many times their size.
    this.#before += Buffer.from(this.#kept, 'latin1').toString('latin1');
    this.#kept = '';
  }

  /** How much is held, in bytes. */
  get length(): number {
    return this.#before.length + (this.#text?.length ?? 0);
  }

  /** What there is of the resource by now; undefined where that is none. */
  begun(): Begun | undefined {
    const resource = resourceIn(`${this.#before.slice(0, this.#complete)}}`);
    const [, coming] = /^,?\s*"([A-Za-z_]+)"\s*:/.exec(this.#before.slice(this.#complete)) ?? [];
    return resource && { resource, coming, isInLongText: this.#isInText && this.#text === undefined };
  }

  /** The resource, once all of it has come; undefined where it is none, or could be read in two ways. */
  whole(): FhirResource | undefined {
    return resourceIn(this.#before);
  }

  #takeText(piece: Buffer, from: number): number {
    for (let at = from; ;) {
      const quote = piece.indexOf(QUOTE, at);
      const end = quote < 0 ? piece.length : quote;
      const slashes = slashesBefore(piece, at, end);
      const escaping = slashes === end - at ? this.#slashes + slashes : slashes;
      if (quote >= 0 && escaping % 2 === 1) {
        this.#slashes = 0;
        at = quote + 1;
        continue;
      }
      this.#slashes = quote < 0 ? escaping : 0;
      const next = quote < 0 ? end : quote + 1;
      if (this.#text !== undefined && this.#text.length + next - from <= KEPT_TEXT)
        this.#text += piece.toString('latin1', from, next);
      else this.#text = undefined;
      if (quote >= 0) {
        this.#kept += this.#text ?? '""';
        this.#isInText = false;
      }
      return next;
    }
  }

  #takeBetween(piece: Buffer, from: number): number {
    const quote = piece.indexOf(QUOTE, from);
    const end = quote < 0 ? piece.length : quote;
    for (let at = from; at < end; at++) {
      const byte = piece[at];
      if (byte === OPEN || byte === LIST) this.#depth++;
      else if (byte === CLOSE || byte === LIST_END) this.#depth--;
      else if (byte === COMMA && this.#depth === 1)
        this.#complete = this.#before.length + this.#kept.length + at - from;
    }
    this.#kept += piece.toString('latin1', from, end);
    if (quote < 0) return end;
    [this.#isInText, this.#text, this.#slashes] = [true, '"', 0];
    return quote + 1;
  }
}

/** How many backslashes stand right before a place, from another on. */
function slashesBefore(piece: Buffer, from: number, end: number): number {
  let at = end;
  while (at > from && piece[at - 1] === BACKSLASH) at--;
  return end - at;
}

function resourceIn(bytes: string): FhirResource | undefined {
  const read = readExactJson(Buffer.from(bytes, 'latin1').toString('utf8'));
  return read.ok && isResource(read.value) ? read.value : undefined;
}
