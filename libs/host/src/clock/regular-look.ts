/**
 * Something that is looked at again and again, by every instance: never twice at once, and what fails is looked at again the
 * next time.
 */
export class RegularLook {
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;

  /** @param onFailure is told what a look has thrown */
  constructor(
    private readonly everyMs: number,
    private readonly look: () => Promise<void>,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  /** The first look comes after the first interval. */
  start(): void {
    this.timer = setInterval(() => {
      this.looking ??= this.look()
        .catch((error: unknown) => this.onFailure(error))
        .finally(() => (this.looking = undefined));
    }, this.everyMs);
  }

  /** Resolves when the look that is under way is over; no other begins. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }
}
