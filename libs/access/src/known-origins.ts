import type { AccessFold } from './access-fold.js';

/** How long a look through all applications counts, in milliseconds, and how many origins are remembered. */
const REMEMBERED_MS = 5_000;
const REMEMBERED = 1_000;

/**
 * Which origins are those of some application whose access is open (security.md, Enforcement: CORS), for who does not know
 * yet who calls: before a preflight, and before an error about somebody unknown. An answer may be five seconds old.
 */
export class KnownOrigins {
  readonly #known = new Map<string, { readonly ofAny: boolean; readonly untilMs: number }>();

  constructor(
    private readonly access: Pick<AccessFold, 'isOriginOfAny'>,
    private readonly now: () => number = Date.now,
  ) {}

  /** Whether the pages of any application with open access come from an origin. */
  isOfAny(origin: string): boolean {
    const nowMs = this.now();
    const known = this.#known.get(origin);
    if (known && known.untilMs > nowMs) return known.ofAny;
    const ofAny = this.access.isOriginOfAny(origin, nowMs);
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(origin, { ofAny, untilMs: nowMs + REMEMBERED_MS });
    return ofAny;
  }
}
