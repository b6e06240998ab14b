declare global {
  interface JSON {
    /** A number that `stringify` writes with exactly these digits (ECMAScript, JSON.parse source text access). */
    rawJSON(text: string): object;
    isRawJSON(value: unknown): value is { readonly rawJSON: string };
  }
}

/** What was read, or why it is not taken. */
export type ReadJson = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string };

/** Objects and lists in each other; no resource of FHIR R4 comes near it. */
const DEEPEST = 64;

/**
 * Reads JSON that is to be written again. A key that stands twice in an object is refused, since of two servers one
 * takes the first and the other the last; so are `__proto__` and nesting beyond all sense. A number keeps its digits: `1.50`
 * says more than `1.5` (R4, Data types, decimal), and JavaScript's numbers would lose it.
 */
export function readExactJson(text: string): ReadJson {
  const fault = faultIn(text);
  if (fault !== undefined) return { ok: false, reason: fault };
  try {
    return { ok: true, value: parseExactly(text) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { ok: false, reason: 'the body is not JSON' };
  }
}

/**
 * Parses an object or a list, each number with its digits: one that JavaScript would write otherwise (`1.50`, `1e400`, more
 * digits than it has) becomes what `JSON.isRawJSON` knows, and `JSON.stringify` writes as it came. Most texts have none,
 * and are parsed without a look at each value.
 *
 * @throws SyntaxError; RangeError for what is nested beyond all sense and has such numbers
 */
export function parseExactly(text: string): unknown {
  // The type of the parameter that gives the source is not among TypeScript's own yet.
  return OTHERWISE.test(text)
    ? JSON.parse(text, exactly as (key: string, value: unknown) => unknown)
    : (JSON.parse(text) as unknown);
}

/** Up to 15 digits, none of them a 0 at the end of a fraction, are written as they were read; from `1e-7` on they are not. */
const AS_IT_CAME = /(?:0|-?(?:[1-9]\d{0,14}|(?:0|[1-9]\d{0,8})\.\d{0,5}[1-9]))[\s,}\]]/;
/** Finds every number that may be written otherwise, and what looks like one in a text. */
const OTHERWISE = new RegExp(`[:,[]\\s*(?=[-\\d])(?!${AS_IT_CAME.source})-?\\d[\\d.eE+-]*\\s*[,}\\]]`);

function exactly(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  return typeof value === 'number' && source !== undefined && String(value) !== source ? JSON.rawJSON(source) : value;
}

/** What two readers may take differently. Of text that is not JSON it says nothing that counts. */
function faultIn(text: string): string | undefined {
  /** The keys of each object that is open, undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  let expectsKey = false;
  for (const token of tokensOf(text)) {
    switch (token) {
      case '{':
      case '[':
        if (open.length >= DEEPEST) return `the body is nested deeper than ${DEEPEST} levels`;
        open.push(token === '{' ? new Set() : undefined);
        expectsKey = token === '{';
        break;
      case '}':
      case ']':
        open.pop();
        expectsKey = false;
        break;
      case ',':
        expectsKey = open.at(-1) !== undefined;
        break;
      default: {
        if (!expectsKey) break;
        expectsKey = false;
        const key = unescaped(token);
        const keys = open.at(-1);
        if (keys?.has(key)) return `the key ${JSON.stringify(key.slice(0, 64))} stands twice in one object`;
        if (key === '__proto__') return 'the body has a key that no resource has';
        keys?.add(key);
      }
    }
  }
  return undefined;
}

/** Texts, brackets and commas, in their order; nothing more after a text that does not end. */
function* tokensOf(text: string): Generator<string, void> {
  const begins = /["{}[\],]/g;
  for (let found = begins.exec(text); found; found = begins.exec(text)) {
    const [token] = found;
    if (token !== '"') {
      yield token;
      continue;
    }
    const end = endOfText(text, found.index);
    if (end < 0) return;
    yield text.slice(found.index, end + 1);
    begins.lastIndex = end + 1;
  }
}

/** Where the text that begins at a place ends, by its quotation mark: no pattern, since one remembers each of many megabytes. */
function endOfText(text: string, begin: number): number {
  for (let end = text.indexOf('"', begin + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return end;
  }
  return -1;
}

function unescaped(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return token; // it is not JSON, which is found out next
  }
}
