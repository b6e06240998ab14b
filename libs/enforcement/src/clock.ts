/** One moment on both clocks of a process, in milliseconds. */
export interface Instant {
  readonly monotonic: number;
  readonly wall: number;
}

export type Clock = () => Instant;

/** The clocks of this process. */
export const processClock: Clock = () => ({ monotonic: performance.now(), wall: Date.now() });

/**
 * How long it may be since `from`, in milliseconds: by whichever clock moved further. A monotonic clock may stand still
 * while a machine sleeps, and a wall clock may be set back.
 */
export function elapsed(from: Instant, to: Instant): number {
  return Math.max(to.monotonic - from.monotonic, to.wall - from.wall);
}

/** How long it is at least since `from`, in milliseconds: for waiting until somebody else's time is over. */
export function elapsedSurely(from: Instant, to: Instant): number {
  return to.monotonic - from.monotonic;
}
