import { type AccessEvent, type ApplicationAccess, evolveAccess, takesAway } from './application-access.js';
import { effectiveAccess, type EffectiveAccess, originsOf } from './effective-access.js';

/** A revoked token is remembered this long past its expiry, for clocks that are behind: in milliseconds. */
const EXPIRY_TOLERANCE_MS = 120_000;

/** Raised whenever the fold or the shape of what it holds changes: older snapshots are then ignored. */
export const ACCESS_FOLD_VERSION = 2;

/** What a fold holds of one application, as JSON: for snapshots. */
export interface FoldedApplication {
  readonly applicationId: string;
  readonly access: ApplicationAccess;
  readonly revokedTokens: readonly RememberedId[];
  readonly revokedGrants: readonly RememberedId[];
}

const NOTHING_KNOWN: ApplicationAccess = { undecodable: false };
const NONE: ReadonlySet<string> = new Set();

/**
 * The effective access of every application, folded from the events of registration, approval and token. Held in
 * memory by whoever enforces; it answers without a database. Pure but for what it holds: it reads no clock.
 */
export class AccessFold {
  readonly #applications = new Map<string, ApplicationAccess>();
  readonly #byClientId = new Map<string, string>();
  /** What is open, worked out once and good until its expiry or the next event of its application. */
  readonly #open = new Map<string, OpenUntil>();
  /** By application: when each revoked token, and each revoked grant, may be forgotten, in the order of revocation. */
  readonly #revokedTokens = new Map<string, Remembered>();
  readonly #revokedGrants = new Map<string, Remembered>();

  /**
   * Applies an event; `nowMs` (milliseconds since 1970) serves only to forget revoked tokens that have expired.
   *
   * @returns the application that the event closed or narrowed: its open calls must be looked at again before anybody
   *          reports that the event is in force
   */
  apply(event: AccessEvent, nowMs: number): string | undefined {
    const { subject } = event.meta;
    this.#open.delete(subject);
    this.#applications.set(subject, evolveAccess(this.#state(subject), event));
    if (event.type === 'application-registered') this.#byClientId.set(event.data.clientId, subject);
    if (event.type === 'token-revoked')
      remember(this.#revokedTokens, subject, event.data.tokenId, event.data.expiresAt, nowMs);
    if (event.type === 'grant-revoked')
      remember(this.#revokedGrants, subject, event.data.grantId, event.data.tokensExpireAt, nowMs);
    return takesAway(event) ? subject : undefined;
  }

  /** An event of this application cannot be decoded: nobody knows what is in force, so nothing is. */
  closeUndecodable(applicationId: string): void {
    this.#open.delete(applicationId);
    this.#applications.set(applicationId, { ...this.#state(applicationId), undecodable: true });
  }

  /** The access of a client at `nowMs`; undefined when no application has this client id. */
  byClientId(clientId: string, nowMs: number): EffectiveAccess | undefined {
    const applicationId = this.#byClientId.get(clientId);
    return applicationId === undefined ? undefined : this.byApplicationId(applicationId, nowMs);
  }

  /** The access of an application at `nowMs`; undefined when it is not registered. */
  byApplicationId(applicationId: string, nowMs: number): EffectiveAccess | undefined {
    const open = this.#open.get(applicationId);
    if (open && nowMs < open.untilMs) return open.access;
    const access = this.#accessAt(applicationId, nowMs);
    if (access?.status === 'open' && access.expiresAt !== undefined)
      this.#open.set(applicationId, { access, untilMs: Date.parse(access.expiresAt) });
    return access;
  }

  #accessAt(applicationId: string, nowMs: number): EffectiveAccess | undefined {
    const state = this.#applications.get(applicationId);
    const revoked = {
      tokens: this.#revokedTokens.get(applicationId)?.ids ?? NONE,
      grants: this.#revokedGrants.get(applicationId)?.ids ?? NONE,
    };
    return state && effectiveAccess(applicationId, state, revoked, nowMs);
  }

  /** Whether the pages of any application with open access come from an origin. Looks through all of them. */
  isOriginOfAny(origin: string, nowMs: number): boolean {
    for (const applicationId of this.#applications.keys()) {
      const access = this.#accessAt(applicationId, nowMs);
      if (access?.status === 'open' && originsOf(access).includes(origin)) return true;
    }
    return false;
  }

  /** All that is held now, whatever is applied while the items are taken: what is known of an application is never changed in place. */
  items(): Iterable<FoldedApplication> {
    const ids = [...this.#applications.keys()];
    const states = [...this.#applications.values()];
    const copy = (all: ReadonlyMap<string, Remembered>) => new Map([...all].map(([id, those]) => [id, [...those.all]]));
    const [tokens, grants] = [copy(this.#revokedTokens), copy(this.#revokedGrants)];
    return (function* (): Generator<FoldedApplication> {
      for (const [index, access] of states.entries()) {
        const applicationId = ids[index] ?? '';
        const revokedTokens = tokens.get(applicationId) ?? [];
        yield { applicationId, access, revokedTokens, revokedGrants: grants.get(applicationId) ?? [] };
      }
    })();
  }

  /** Puts back what `items` gave. */
  take({ applicationId, access, revokedTokens, revokedGrants }: FoldedApplication): void {
    this.#open.delete(applicationId);
    this.#applications.set(applicationId, access);
    if (access.registration) this.#byClientId.set(access.registration.clientId, applicationId);
    if (revokedTokens.length > 0) this.#revokedTokens.set(applicationId, new Remembered(revokedTokens));
    if (revokedGrants.length > 0) this.#revokedGrants.set(applicationId, new Remembered(revokedGrants));
  }

  /** As if nothing had been applied. */
  forget(): void {
    for (const held of [this.#applications, this.#byClientId, this.#open, this.#revokedTokens, this.#revokedGrants])
      held.clear();
  }

  #state(applicationId: string): ApplicationAccess {
    return this.#applications.get(applicationId) ?? NOTHING_KNOWN;
  }
}

function remember(all: Map<string, Remembered>, applicationId: string, id: string, until: string, nowMs: number): void {
  let remembered = all.get(applicationId);
  if (!remembered) all.set(applicationId, (remembered = new Remembered()));
  remembered.add(id, Date.parse(until) + EXPIRY_TOLERANCE_MS, nowMs);
}

interface OpenUntil {
  readonly access: EffectiveAccess;
  /** The expiry of the approval, in milliseconds since 1970. */
  readonly untilMs: number;
}

interface RememberedId {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly untilMs: number;
}

/** Ids that count until a time of their own. */
class Remembered {
  readonly ids: Set<string>;
  readonly #until: RememberedId[];

  constructor(remembered: readonly RememberedId[] = []) {
    this.#until = [...remembered];
    this.ids = new Set(remembered.map(({ id }) => id));
  }

  /** In the order of revocation. */
  get all(): readonly RememberedId[] {
    return this.#until;
  }

  add(id: string, untilMs: number, nowMs: number): void {
    // From the front only: what is kept longer than those behind it keeps them a little longer, which is harmless.
    for (let oldest = this.#until[0]; oldest && oldest.untilMs < nowMs; oldest = this.#until[0]) {
      this.ids.delete(oldest.id);
      this.#until.shift();
    }
    this.ids.add(id);
    this.#until.push({ id, untilMs });
  }
}
