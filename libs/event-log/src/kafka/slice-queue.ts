import type { Slice } from './visible-records.js';

/** Slices that wait go on as one up to here, and one fetch's is never split. */
const MERGED_RECORDS = 1_000;

/** Takes what waits from the front of the queue, as one slice; undefined when nothing does. */
export function takeNext(queued: Slice[]): Slice | undefined {
  let records = 0;
  const tooMany = queued.findIndex((slice, index) => {
    records += slice.records.length;
    return index > 0 && records > MERGED_RECORDS;
  });
  const taken = queued.splice(0, tooMany === -1 ? queued.length : tooMany);
  const last = taken.at(-1);
  return last && taken.length > 1 ? { ...last, records: taken.flatMap((slice) => slice.records) } : last;
}
