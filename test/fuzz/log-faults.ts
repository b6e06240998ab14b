import { readTopic, type RawRecord } from '../faults/raw-log.js';

/** What a caller was told of one request, by the correlation id that it sent. */
export interface Told {
  readonly correlationId: string;
  readonly method: string;
  readonly status: number;
  readonly position: string | undefined;
}

const CONTEXTS = ['registration', 'approval', 'token', 'review'];

/** What the log holds that callers were told otherwise, each in words; and how much was compared. */
export async function logFaults(
  brokers: string,
  prefix: string,
  told: readonly Told[],
): Promise<{ readonly faults: readonly string[]; readonly accepted: number; readonly events: number }> {
  const events = new Map<string, RawRecord>();
  for (const context of CONTEXTS) {
    const topic = `${prefix}gatehouse.${context}.events`;
    for (const event of await readTopic(brokers, topic)) {
      events.set(`${topic.slice(prefix.length)}:${String(event.partition)}:${event.offset}`, event);
    }
  }
  const accepted = told.filter(({ method, status }) => method !== 'GET' && status < 300);
  return {
    faults: [...refusedAndWritten(told, events), ...toldAndNotWritten(accepted, events), ...writtenTwice(events)],
    accepted: accepted.length,
    events: events.size,
  };
}

/** What was refused, or only read, wrote nothing; nor did what answered 503. */
function refusedAndWritten(told: readonly Told[], events: ReadonlyMap<string, RawRecord>): string[] {
  const written = new Set([...events.values()].map(({ value }) => value['correlationid']));
  return told
    .filter(({ method, status }) => status >= 400 || method === 'GET')
    .filter(({ correlationId }) => written.has(correlationId))
    .map(({ method, status, correlationId }) => `${method} was answered ${String(status)} and wrote: ${correlationId}`);
}

/** What was told to stand somewhere stands there. */
function toldAndNotWritten(accepted: readonly Told[], events: ReadonlyMap<string, RawRecord>): string[] {
  return accepted
    .filter(({ position }) => position !== undefined && !events.has(position))
    .map(({ position, correlationId }) => `nothing stands at ${String(position)}, told to ${correlationId}`);
}

/** A command is applied once: its events were written in one transaction, which leaves no gap between them. */
function writtenTwice(events: ReadonlyMap<string, RawRecord>): string[] {
  const byCommand = Map.groupBy(
    events.values(),
    ({ value }) => `${String(value['causationid'])} to ${String(value['subject'])}`,
  );
  return [...byCommand].flatMap(([command, caused]) => {
    const offsets = caused.map(({ offset }) => Number(offset));
    return Math.max(...offsets) - Math.min(...offsets) === caused.length - 1
      ? []
      : [`command ${command} was applied twice`];
  });
}
