import type { CallLimits } from '#contracts';

/** A call that was let in counts until this is called. */
export type Leave = () => void;

/** Why a call is one too many. */
export interface TooMany {
  /** For the caller and the auditor. */
  readonly detail: string;
  readonly retryAfterSeconds: number;
}

interface Counted {
  /** Calls that may still come at once. */
  tokens: number;
  refilledAtMs: number;
  underWay: number;
  day: number;
  today: number;
}

/** Of a minute's calls, so many may come at once: ten seconds' worth. */
const BURST = 1 / 6;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Counts the calls of applications at this instance against their limits: a bucket for the rate, a day in UTC for the quota. */
export class CallLimiter {
  readonly #byApplication = new Map<string, Counted>();

  constructor(
    /** Milliseconds since 1970. */
    private readonly now: () => number = Date.now,
  ) {}

  /** Lets a call in, or says why not. What is refused counts for nothing. */
  enter(applicationId: string, { callsPerMinute, callsPerDay, concurrentCalls }: CallLimits): Leave | TooMany {
    const now = this.now();
    const counted = this.#of(applicationId, now);
    if (concurrentCalls !== undefined && counted.underWay >= concurrentCalls)
      return { detail: `At most ${concurrentCalls} calls of this application may be under way.`, retryAfterSeconds: 1 };
    if (callsPerDay !== undefined && counted.today >= callsPerDay) {
      const retryAfterSeconds = Math.ceil(((counted.day + 1) * DAY_MS - now) / 1000);
      return { detail: `This application may make ${callsPerDay} calls a day.`, retryAfterSeconds };
    }
    if (callsPerMinute !== undefined) {
      this.#refill(counted, callsPerMinute, now);
      if (counted.tokens < 1) {
        const retryAfterSeconds = Math.max(1, Math.ceil(((1 - counted.tokens) * 60) / callsPerMinute));
        return { detail: `This application may make ${callsPerMinute} calls a minute.`, retryAfterSeconds };
      }
      counted.tokens--;
    }
    counted.today++;
    counted.underWay++;
    return () => void counted.underWay--;
  }

  /**
   * Counts what came within a call that was let in: a Bundle is as many calls as it has entries. How many may come at once
   * is not asked of it; what it takes beyond that is waited for afterwards.
   */
  countMore(applicationId: string, more: number, { callsPerDay }: CallLimits): TooMany | undefined {
    const now = this.now();
    const counted = this.#of(applicationId, now);
    if (callsPerDay !== undefined && counted.today + more > callsPerDay) {
      const retryAfterSeconds = Math.ceil(((counted.day + 1) * DAY_MS - now) / 1000);
      return {
        detail: `This application may make ${callsPerDay} calls a day, entries of Bundles counted.`,
        retryAfterSeconds,
      };
    }
    counted.today += more;
    counted.tokens -= more;
    return undefined;
  }

  #of(applicationId: string, now: number): Counted {
    const day = Math.floor(now / DAY_MS);
    let counted = this.#byApplication.get(applicationId);
    if (!counted) {
      counted = { tokens: Infinity, refilledAtMs: now, underWay: 0, day, today: 0 };
      this.#byApplication.set(applicationId, counted);
    }
    if (counted.day !== day) Object.assign(counted, { day, today: 0 });
    return counted;
  }

  /** A limit that was changed counts at once: what is left over is cut to it. */
  #refill(counted: Counted, callsPerMinute: number, now: number): void {
    const passed = Math.max(0, now - counted.refilledAtMs);
    const most = Math.max(1, Math.floor(callsPerMinute * BURST));
    counted.tokens = Math.min(most, counted.tokens + (passed * callsPerMinute) / MINUTE_MS);
    counted.refilledAtMs = now;
  }
}
