/** A Gatehouse that runs in processes of its own, in development. */
export interface Running {
  readonly url: string;
  /** What was written to standard error, and logged as an error. */
  complaints(): readonly string[];
  /** SIGTERM to all; gives the exit codes. */
  stop(): Promise<(number | null)[]>;
}
