import { type RawRecord, readTopic } from '../faults/raw-log.js';
import type { ClosureSeen } from './application-load.js';
import type { Fleet } from './fleet.js';

/**
 * Compares the raw activity topic with what callers got and with the receipts: each call that was answered with data has
 * its record of being let in, where the answer says; and nobody was let in after a receipt, neither by the time of a
 * record nor by its place behind the refusals that followed the receipt.
 *
 * @returns the faults in words; empty when the log says what happened
 */
export async function checkAudit({ own }: Fleet, seen: readonly ClosureSeen[]): Promise<string[]> {
  const records = await readTopic(own.brokers, `${own.prefix}gatehouse.activity`);
  const at = byPosition(records);
  const bySubject = Map.groupBy(records, ({ value }) => String(value['subject']));
  return seen.flatMap((closure) => [
    ...unrecorded(closure, at),
    ...letInTooLate(closure, bySubject.get(closure.application.id) ?? []),
  ]);
}

/**
 * Compares the raw activity topic with what callers got of one application's calls: each that was answered, though it
 * be with the first byte alone, has its record where the answer says.
 *
 * @returns the faults in words
 */
export async function checkAnswers(
  { own }: Fleet,
  answered: Pick<ClosureSeen, 'application' | 'calls'>,
): Promise<string[]> {
  return unrecorded(answered, byPosition(await readTopic(own.brokers, `${own.prefix}gatehouse.activity`)));
}

function byPosition(records: readonly RawRecord[]): ReadonlyMap<string, RawRecord> {
  return new Map(records.map((record) => [`gatehouse.activity:${record.partition}:${record.offset}`, record]));
}

function unrecorded(
  { calls, application }: Pick<ClosureSeen, 'application' | 'calls'>,
  at: ReadonlyMap<string, RawRecord>,
): string[] {
  return calls.flatMap((call) => {
    if (call.status === undefined || call.status === 503) return [];
    const position = call.header('gatehouse-position') ?? 'none';
    const record = at.get(position);
    if (record === undefined) return [`an answer ${call.status} has no record at ${position}`];
    const isItsOwn = record.value['subject'] === application.id && (call.status !== 200 || isAllowed(record));
    return isItsOwn ? [] : [`the record at ${position} is not of its call, which was answered ${call.status}`];
  });
}

function letInTooLate({ receipt }: ClosureSeen, records: readonly RawRecord[]): string[] {
  const faults: string[] = [];
  const refusedBy = new Set<string>();
  for (const record of records) {
    const gateway = String(record.value.data['enforcementPoint']);
    const time = String(record.value['time']);
    if (isClosed(record)) refusedBy.add(gateway);
    if (!isAllowed(record)) continue;
    if (time > receipt.enforcedAt) faults.push(`${gateway} let a call in at ${time}, after ${receipt.enforcedAt}`);
    if (refusedBy.has(gateway)) faults.push(`${gateway} let a call in after it had refused one`);
  }
  return faults;
}

function isAllowed({ value }: RawRecord): boolean {
  return String(value['type']).includes('access-allowed');
}

function isClosed({ value }: RawRecord): boolean {
  return String(value['type']).includes('access-denied') && String(value.data['reason']).startsWith('closed');
}
