/** A number that a record has in its run, at its place in the partition. */
export interface Numbered {
  readonly run: string;
  readonly sequence: number;
  readonly offset: bigint;
}

/** Numbers that no record has although a later one of their run has come: records that were lost. */
export interface Gap {
  readonly run: string;
  /** The first number that is missing. */
  readonly from: number;
  /** The last one. */
  readonly to: number;
  /** Where the record stands whose number showed it. */
  readonly offset: bigint;
}

/**
 * Counts the runs of one partition on. Each begins at 0 and goes up by 1; a number that was there already is a record that
 * came twice. One that was passed over never comes later: a writer sends a record again before any later one.
 *
 * @param next the next number of each run that is known; changed in place
 */
export function countRuns(next: Map<string, number>, records: readonly Numbered[]): Gap[] {
  const gaps: Gap[] = [];
  for (const { run, sequence, offset } of records) {
    const expected = next.get(run) ?? 0;
    if (sequence > expected) gaps.push({ run, from: expected, to: sequence - 1, offset });
    if (sequence >= expected) next.set(run, sequence + 1);
  }
  return gaps;
}
