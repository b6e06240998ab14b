/** What of a fetch is asked for together. */
export interface Portion<Asking> {
  readonly asking: readonly Asking[];
  /** Where the next portion begins, in the records: at the one that could not be read, if there is one. */
  readonly end: number;
  /** Why the record at `end` could not be read. What stands before it is asked for all the same. */
  readonly fault?: { readonly error: unknown };
}

/**
 * The records from `at` on until `most` of them ask something, or one cannot be read.
 *
 * @param read what a record asks, undefined for nothing; it throws where the record cannot be read
 */
export function nextPortion<Record, Asking>(
  records: readonly Record[],
  at: number,
  most: number,
  read: (record: Record) => Asking | undefined,
): Portion<Asking> {
  const asking: Asking[] = [];
  let end = at;
  for (const record of records.slice(at)) {
    if (asking.length === most) break;
    try {
      const asked = read(record);
      if (asked !== undefined) asking.push(asked);
    } catch (error) {
      return { asking, end, fault: { error } };
    }
    end++;
  }
  return { asking, end };
}
