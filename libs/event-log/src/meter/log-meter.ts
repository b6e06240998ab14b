/** How a command ended for its caller; `not-appended` did not reach the log. */
export const commandEnds = ['succeeded', 'refused', 'failed', 'expired', 'pending', 'not-appended'] as const;
export type CommandEnd = (typeof commandEnds)[number];

/** Records of the activity topic that say that somebody has written to the log what no instance of ours would. */
export const unauthenticRecords = ['command-refused', 'report-refused', 'foreign-records'] as const;
export type UnauthenticRecord = (typeof unauthenticRecords)[number];

/** How far something that follows the log is behind it. */
export interface Lag {
  /** Offsets between what was handled and what the brokers had when they were last asked; markers of transactions count. */
  readonly records: number;
  /**
   * Since when it has not been at the end, in seconds: how old what it knows may be. It grows as well while the brokers cannot
   * be asked, or a handler is stuck. At the end of a log where nothing comes it stays below half a second.
   */
  readonly seconds: number;
}

/** Whom the parts of this library tell how they fare; the host makes metrics of it. */
export interface LogMeter {
  /** This process may send commands of a context: from now on each of their ends is counted, from nought. */
  sends(context: string): void;
  /** A command of a context was answered, or not in time, so many seconds after it was sent. */
  commandEnded(context: string, end: CommandEnd, seconds: number): void;
  /** A record of the activity topic was acknowledged by all in-sync replicas, or not in time, so many seconds after it was given. */
  activityEnded(isAcknowledged: boolean, seconds: number): void;
  /** Somebody has written to the log what no instance of ours would; a record of this type says so. */
  unauthentic(record: UnauthenticRecord): void;
  /**
   * Something begins to follow the log under a name of its own.
   *
   * @param lag asked whenever somebody wants to know
   * @returns to be called when it follows no more
   */
  follows(consumer: string, lag: () => Lag): () => void;
}
