import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** How slowly a caller may take an answer. */
export interface Pace {
  /** How long it may take nothing, in milliseconds. */
  readonly graceMs: number;
  /** What it has to take in the long run, in bytes for each millisecond. */
  readonly bytesPerMs: number;
}

/** 32 kB a second: what is slower holds what others wait for. */
const PACE: Pace = { graceMs: 30_000, bytesPerMs: 32 };

/** The patience with one caller: waiting uses it up, and what the caller took gives it back. How slow a server is uses none. */
export class Patience {
  #leftMs: number;

  constructor(private readonly pace: Pace = PACE) {
    this.#leftMs = pace.graceMs;
  }

  /** Waits until the caller took what was handed over; one that takes too long is left, and `closed` comes. */
  async drained(response: ServerResponse, closed: Promise<void>): Promise<void> {
    const since = performance.now();
    const leaving = setTimeout(() => response.destroy(), Math.max(0, this.#leftMs)).unref();
    try {
      await Promise.race([once(response, 'drain'), closed]);
    } finally {
      clearTimeout(leaving);
      this.#leftMs -= performance.now() - since;
    }
  }

  /** The caller was handed so many bytes. */
  took(bytes: number): void {
    this.#leftMs = Math.min(this.pace.graceMs, this.#leftMs + bytes / this.pace.bytesPerMs);
  }

  /** Waits until all was taken. */
  async ended(response: ServerResponse, closed: Promise<void>): Promise<void> {
    const leaving = setTimeout(() => response.destroy(), Math.max(0, this.#leftMs)).unref();
    await closed;
    clearTimeout(leaving);
  }
}
