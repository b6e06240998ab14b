import type { Log } from '../logging/log.js';

/** What the process does with an error after which it cannot be trusted to go on. */
export type EndProcess = (error: unknown) => void;

/**
 * For errors outside any request after which going on would be wrong: a consumer that stopped for good, a
 * migration that failed. The process logs it and ends with a code other than 0; what starts it starts it again.
 */
export class FatalErrors {
  constructor(
    private readonly log: Log,
    private readonly end: EndProcess,
  ) {}

  report(message: string, error: unknown): void {
    this.log.fatal(message, error);
    this.end(error);
  }
}
