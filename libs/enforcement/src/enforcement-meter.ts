/** Whom enforcement points and those who wait for receipts tell how they fare; the host makes metrics of it. */
export interface EnforcementMeter {
  /**
   * A point of a kind is made.
   *
   * @param age how long ago what earned its lease began, in seconds; undefined while it holds none
   */
  leaseOf(kind: string, age: () => number | undefined): void;
  /** Receipts of a context may be given from now on: complete ones and others are counted, from nought. */
  givesReceipts(context: string): void;
  /** A receipt was given, so many seconds after it was asked for; incomplete names points whose lease ran out. */
  receiptGiven(context: string, isComplete: boolean, seconds: number): void;
}
