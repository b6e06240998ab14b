import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { compare } from '../faults/log-checker.js';
import { type RawRecord, readTopic } from '../faults/raw-log.js';
import { compareRows } from '../faults/service-faults.js';
import type { MixedUse } from './mixed-use.js';
import type { OneRetry } from './one-retry.js';

interface Log {
  readonly brokers: string;
  readonly prefix: string;
  readonly databaseUrl: string;
}

const CATCH_UP_MS = 60_000;
const LOOK_EVERY_MS = 100;

/**
 * Reads the raw topics and the tables by code of its own, and holds them against what callers were told: nothing that
 * was acknowledged is missing, nothing stands twice, each answered call has its record.
 *
 * @returns what is not so, in words
 */
export async function checkRollingRestart(
  { brokers, prefix, databaseUrl }: Log,
  { people, programs }: MixedUse,
  caller: OneRetry,
): Promise<string[]> {
  const topic = (name: string) => readTopic(brokers, `${prefix}gatehouse.${name}`);
  const [registered, approved, activity] = await Promise.all([
    topic('registration.events'),
    topic('approval.events'),
    topic('activity'),
  ]);
  const letIn = programs.map(({ applicationId }) => applicationId);
  return [
    ...people.wrong,
    ...compare(people.told, registered),
    ...eachOnce('application-submitted', registered, [...people.submitted, ...letIn]),
    ...eachOnce('review-opened', approved, [...people.submitted, ...letIn]),
    ...decidedWhereTold(people.decided, approved),
    ...eachOnce('review-approved', approved, [...people.decided.map(({ applicationId }) => applicationId), ...letIn]),
    ...eachOnce('approval-applied', registered, [
      ...people.decided.map(({ applicationId }) => applicationId),
      ...letIn,
    ]),
    ...issuedOnce(
      programs.flatMap(({ tokenIds }) => tokenIds),
      activity,
      caller.failuresOf('token'),
    ),
    ...programs.flatMap(({ applicationId, calls }) => onRecord(applicationId, calls, activity)),
    ...(await writesNotOnce(programs, caller.failuresOf('FHIR write'))),
    ...(await compareRows(registered, { url: databaseUrl })),
    ...(await rowsOfAudit(databaseUrl, {
      'gatehouse.registration.events': registered,
      'gatehouse.approval.events': approved,
      'gatehouse.activity': activity,
    })),
  ];
}

function ofType(type: string, records: readonly RawRecord[]): RawRecord[] {
  return records.filter(({ value }) => String(value['type']).includes(`.${type}.`));
}

/** Each of these subjects has one event of the type, and no other has any. */
function eachOnce(type: string, events: readonly RawRecord[], subjects: readonly string[]): string[] {
  const found = Map.groupBy(ofType(type, events), ({ value }) => String(value['subject']));
  const strangers = [...found.keys()].filter((subject) => !subjects.includes(subject));
  return [
    ...strangers.map((subject) => `${subject} has the event ${type}, and nobody was told`),
    ...subjects.flatMap((subject) => {
      const times = found.get(subject)?.length ?? 0;
      return times === 1 ? [] : [`${subject} has the event ${type} ${String(times)} times`];
    }),
  ];
}

function decidedWhereTold(decided: MixedUse['people']['decided'], events: readonly RawRecord[]): string[] {
  const at = new Map(
    ofType('review-approved', events).map((event) => [
      `gatehouse.approval.events:${String(event.partition)}:${event.offset}`,
      String(event.value['subject']),
    ]),
  );
  return decided.flatMap(({ applicationId, position }) =>
    at.get(position) === applicationId ? [] : [`the approval of ${applicationId} does not stand at ${position}`],
  );
}

/** Each token that somebody holds was issued once; another was only issued where the answer may have been lost. */
function issuedOnce(tokenIds: readonly string[], activity: readonly RawRecord[], failures: number): string[] {
  const issued = Map.groupBy(ofType('token-issued', activity), ({ value }) => String(value.data['tokenId']));
  const unheld = [...issued.keys()].filter((id) => !tokenIds.includes(id)).length;
  return [
    ...(unheld > failures
      ? [`${String(unheld)} tokens were issued that nobody got, and ${String(failures)} requests failed`]
      : []),
    ...tokenIds.flatMap((id) => {
      const times = issued.get(id)?.length ?? 0;
      return times === 1 ? [] : [`the token ${id} was issued ${String(times)} times`];
    }),
  ];
}

/** Each answered call has its record of being let in or of what became of it, where the answer said, and none has another's. */
function onRecord(applicationId: string, calls: readonly string[], activity: readonly RawRecord[]): string[] {
  const at = new Map(
    activity
      .filter(({ value }) => /\.access-(allowed|completed)\./.test(String(value['type'])))
      .map((record) => [
        `gatehouse.activity:${String(record.partition)}:${record.offset}`,
        String(record.value['subject']),
      ]),
  );
  const twice = calls.length - new Set(calls).size;
  return [
    ...(twice > 0 ? [`${String(twice)} answers of ${applicationId} name a record that another names`] : []),
    ...calls.flatMap((position) =>
      at.get(position) === applicationId ? [] : [`an answer to ${applicationId} has no record at ${position}`],
    ),
  ];
}

async function writesNotOnce(programs: MixedUse['programs'], failures: number): Promise<string[]> {
  const found: string[] = [];
  for (const program of programs) found.push(...(await program.writesNotOnce(failures)));
  return found;
}

/** The audit's table has each record of these topics once; waits until it has as many. */
async function rowsOfAudit(
  databaseUrl: string,
  topics: Readonly<Record<string, readonly RawRecord[]>>,
): Promise<string[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const faults: string[] = [];
    for (const [topic, records] of Object.entries(topics)) {
      const giveUpAt = performance.now() + CATCH_UP_MS;
      const look = async () =>
        (
          await client.query<{ at: string }>(
            `SELECT log_partition || ':' || log_offset AS at FROM projection.audit_records WHERE log_topic = $1`,
            [topic],
          )
        ).rows.map(({ at }) => at);
      let rows = await look();
      while (rows.length < records.length && performance.now() < giveUpAt) {
        await delay(LOOK_EVERY_MS);
        rows = await look();
      }
      const kept = new Set(rows);
      if (kept.size < rows.length) faults.push(`the audit keeps records of ${topic} twice`);
      const missing = records.filter(({ partition, offset }) => !kept.has(`${String(partition)}:${offset}`));
      if (missing.length > 0) faults.push(`the audit lacks ${String(missing.length)} records of ${topic}`);
    }
    return faults;
  } finally {
    await client.end();
  }
}
