/** `<topic>:<partition>:<offset>`, as `Gatehouse-Position` has it. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

/** Where the log is read. */
export interface LogSource {
  /** Every topic with the ends of its partitions. */
  topics(): Promise<readonly unknown[]>;
  /** Committed records from a place on. */
  records(place: Place, limit: number): Promise<readonly unknown[]>;
}
