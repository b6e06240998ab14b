/**
 * A serialised answer in which every URL of the FHIR server, wherever it stands in a text, is one of ours: also with slashes
 * that are escaped, which JSON allows. Other URLs that begin alike stay.
 *
 * @param upstream base URL of the FHIR server, without a slash at its end
 * @param base     our FHIR base, without a slash at its end
 */
export function withOurUrls(json: string, upstream: string, base: string): string {
  return json.includes(hostIn(upstream)) ? json.replace(patternOf(upstream), () => base) : json;
}

/**
 * A serialised resource as the FHIR server takes it: our URLs are its own, and a reference by one of them to a resource is
 * relative, which means the same (R4, References, 2.3.0.1). Servers were seen to refuse references by their own URL as those of others.
 *
 * @param json     as `JSON.stringify` writes it
 * @param base     our FHIR base, without a slash at its end
 * @param upstream base URL of the FHIR server, without a slash at its end
 */
export function asServerTakesIt(json: string, base: string, upstream: string): string {
  const begins = `"reference":"${base}/`;
  // Within a text the quotation marks would be escaped.
  const relative = json.split(begins).map((rest, at) => {
    if (at === 0) return rest;
    return /^[A-Z][A-Za-z]*\/[A-Za-z0-9.-]{1,64}["/]/.test(rest) ? `"reference":"${rest}` : begins + rest;
  });
  return withOurUrls(relative.join(''), base, upstream);
}

/** `withOurUrls` for an answer that comes in pieces, in UTF-8: a URL may stand across two of them. */
export class OurUrlsInPieces {
  /** What a URL may have begun in. */
  #held: Buffer = Buffer.alloc(0);

  constructor(
    private readonly upstream: string,
    private readonly base: string,
  ) {}

  /** @returns what may go on of what came until now */
  take(piece: Buffer): Buffer {
    const all = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    let cut = Math.max(0, all.length - longestOf(this.upstream));
    if (!all.includes(hostIn(this.upstream))) {
      this.#held = all.subarray(cut);
      return all.subarray(0, cut);
    }
    // URLs are ASCII: what else there is may be any bytes, and stays as it is.
    const text = all.toString('latin1');
    const going: string[] = [];
    let from = 0;
    for (const { index, 0: url } of text.matchAll(patternOf(this.upstream))) {
      going.push(text.slice(from, index), this.base);
      from = index + url.length;
    }
    cut = Math.max(cut, from);
    going.push(text.slice(from, cut));
    this.#held = all.subarray(cut);
    return Buffer.from(going.join(''), 'latin1');
  }

  /** @returns the rest, once all has come */
  end(): Buffer {
    return Buffer.from(withOurUrls(this.#held.toString('latin1'), this.upstream, this.base), 'latin1');
  }
}

/** A URL ends where none of its own letters stands: nothing beyond ASCII is one (RFC 3986, 2). */
function patternOf(upstream: string): RegExp {
  let pattern = patterns.get(upstream);
  if (!pattern) {
    const written = upstream.replaceAll(/[^A-Za-z0-9_]/g, (it) => (it === '/' ? SLASH : `\\${it}`));
    pattern = new RegExp(`${written}(?=[/?#"'\\\\\\s<>\\u0080-\\uffff])`, 'g');
    patterns.set(upstream, pattern);
  }
  return pattern;
}

/** A slash in JSON (RFC 8259, 7). */
const SLASH = String.raw`(?:\\?/|\\u002[fF])`;

/** How much a URL may take in JSON, in bytes. */
function longestOf(upstream: string): number {
  return upstream.replaceAll('/', String.raw`\u002f`).length;
}

/** What stands in every form of a URL: it is looked for first. */
function hostIn(upstream: string): string {
  return upstream.split('/')[2] ?? '';
}

/** One per FHIR server. */
const patterns = new Map<string, RegExp>();
