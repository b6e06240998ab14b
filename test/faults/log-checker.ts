import type { RawRecord } from './raw-log.js';

/** An answer that says what became of a command; a command that was sent more than once under its id has several. */
export interface Told {
  readonly commandId: string;
  readonly subject: string;
  readonly status: string;
  readonly version?: number;
  readonly offset?: bigint;
  /** When this caller sent it first, and when it had this answer: milliseconds of one clock. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** What was told and is not so: each in words. */
export function compare(told: readonly Told[], events: readonly RawRecord[]): string[] {
  return [...tellOneThing(told), ...standInLog(told, events), ...countVersions(events), ...keepOrderOfCallers(told)];
}

/** Every answer under one id says the same. */
function tellOneThing(told: readonly Told[]): string[] {
  return [...Map.groupBy(told, ({ commandId }) => commandId)].flatMap(([commandId, answers]) => {
    const different = new Set(
      answers
        .filter(({ status }) => status !== 'never answered')
        .map(({ status, version, offset }) => `${status} ${String(version)} ${String(offset)}`),
    );
    return different.size > 1 ? [`command ${commandId} was answered ${[...different].join(', then ')}`] : [];
  });
}

/**
 * Every acknowledged command stands in the log once, at the place and with the version that its caller was told; no
 * other stands there, and nothing stands there twice.
 */
function standInLog(told: readonly Told[], events: readonly RawRecord[]): string[] {
  const faults: string[] = [];
  const byCommand = Map.groupBy(events, ({ value }) => String(value['causationid']));
  for (const [command, caused] of byCommand) {
    if (caused.length > 1) faults.push(`command ${command} was applied ${String(caused.length)} times`);
  }
  for (const { commandId, status, version, offset, subject } of told) {
    const event = byCommand.get(commandId)?.[0];
    if (status !== 'succeeded') {
      if (event && status !== 'never answered')
        faults.push(`command ${commandId} was told ${status}, and stands in the log`);
    } else if (!event) {
      faults.push(`command ${commandId} was acknowledged and is not in the log`);
    } else if (
      event.offset !== String(offset) ||
      event.value['sequence'] !== String(version) ||
      event.value['subject'] !== subject
    ) {
      faults.push(
        `command ${commandId} was told version ${String(version)} at ${String(offset)}, but stands as ${String(event.value['sequence'])} at ${event.offset}`,
      );
    }
  }
  return faults;
}

/** The versions of an aggregate count from 1 without a gap, in the order of the log, in one partition. */
function countVersions(events: readonly RawRecord[]): string[] {
  return [...Map.groupBy(events, ({ value }) => String(value['subject']))].flatMap(([subject, own]) => [
    ...(new Set(own.map(({ partition }) => partition)).size > 1 ? [`${subject} stands in several partitions`] : []),
    ...own.flatMap(({ value }, index) =>
      value['sequence'] === String(index + 1)
        ? []
        : [`event ${String(index + 1)} of ${subject} says it is number ${String(value['sequence'])}`],
    ),
  ]);
}

/** Of two commands on one aggregate, one sent after the other was answered comes after it in the log. */
function keepOrderOfCallers(told: readonly Told[]): string[] {
  const first = [...Map.groupBy(told, ({ commandId }) => commandId).values()].flatMap((answers) => {
    const [some] = answers;
    if (some?.version === undefined) return [];
    const sentAt = Math.min(...answers.map((answer) => answer.sentAt));
    const answeredAt = Math.min(...answers.map((answer) => answer.answeredAt));
    return [{ ...some, version: some.version, sentAt, answeredAt }];
  });
  return [...Map.groupBy(first, ({ subject }) => subject)].flatMap(([subject, own]) => {
    const faults: string[] = [];
    let latestSent = -Infinity;
    for (const { version, sentAt, answeredAt } of own.sort((a, b) => a.version - b.version)) {
      if (answeredAt < latestSent)
        faults.push(`version ${String(version)} of ${subject} was answered before an earlier one was sent`);
      latestSent = Math.max(latestSent, sentAt);
    }
    return faults;
  });
}

/**
 * Who wrote, over all that ever reached the log, committed or not: in each partition the writers follow each other, and
 * none writes again after its successor did.
 *
 * @returns how often a partition changed hands, and the zombies in words
 */
export function succession(records: readonly RawRecord[]): { readonly takeovers: number; readonly faults: string[] } {
  let takeovers = 0;
  const faults: string[] = [];
  for (const [partition, own] of Map.groupBy(records, (record) => record.partition)) {
    const gone = new Set<string>();
    let holder = own[0]?.writer;
    for (const { writer, offset } of own) {
      if (writer === holder) continue;
      if (holder !== undefined) gone.add(holder);
      if (gone.has(writer)) faults.push(`${writer} wrote at ${String(partition)}:${offset} after its successor`);
      takeovers++;
      holder = writer;
    }
  }
  return { takeovers, faults };
}

/** A row of the counter's projection. */
export interface CounterRow {
  readonly subject: string;
  readonly total: number;
  readonly version: number;
}

/** Folds the raw events by themselves and compares with the rows of the live projection. */
export function compareCounters(events: readonly RawRecord[], rows: readonly CounterRow[]): string[] {
  const found = new Map(rows.map((row) => [row.subject, row]));
  const own = [...Map.groupBy(events, ({ value }) => String(value['subject']))];
  const strangers = rows.length - own.length;
  return [
    ...(strangers > 0 ? [`the projection holds ${String(strangers)} counters that are not in the log`] : []),
    ...own.flatMap(([subject, ofSubject]) => {
      const amounts = ofSubject.map(({ value }) => Number(value.data['amount'] ?? 0));
      const total = amounts.reduce((sum, amount) => sum + amount, 0);
      const row = found.get(subject);
      return row?.total === total && row.version === ofSubject.length
        ? []
        : [
            `${subject} is ${String(total)} after ${String(ofSubject.length)} events; the projection says ${String(row?.total)} after ${String(row?.version)}`,
          ];
    }),
  ];
}
