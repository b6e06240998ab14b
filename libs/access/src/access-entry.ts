import {
  approval,
  ContextCodec,
  isId,
  parseEnvelope,
  POLICY_ID,
  registration,
  token,
  topicsOf,
  UndecodableRecord,
} from '#contracts';
import type { AccessEvent } from './application-access.js';

/** One record of the log as the fold takes it. */
export type AccessEntry =
  | { readonly kind: 'event'; readonly event: AccessEvent }
  /** A record of this application that this release cannot read. */
  | { readonly kind: 'undecodable'; readonly applicationId: string; readonly error: UndecodableRecord };

const readers = new Map<string, (value: Buffer | string) => AccessEvent>([
  [topicsOf(registration).events.name, eventReader(new ContextCodec(registration))],
  [topicsOf(approval).events.name, eventReader(new ContextCodec(approval))],
  [topicsOf(token).events.name, eventReader(new ContextCodec(token))],
]);

function eventReader<E>(codec: { decodeEvent(value: Buffer | string): E }): (value: Buffer | string) => E {
  return (value) => codec.decodeEvent(value);
}

/** The topics that access is folded from, without prefix. */
export const accessTopics: readonly string[] = [...readers.keys()];

/**
 * Reads a record of one of {@link accessTopics}. A record that cannot be read names the application that it closes.
 *
 * @param topic the topic's name without prefix
 * @throws UndecodableRecord when not even the application can be told: nobody knows then whom the record closes
 */
export function readAccessEntry(
  topic: string,
  record: { readonly key: string | undefined; readonly value: Buffer | string },
): AccessEntry | undefined {
  const read = readers.get(topic);
  if (!read) throw new TypeError(`access is not folded from ${topic}`);
  try {
    return { kind: 'event', event: read(record.value) };
  } catch (error) {
    if (!(error instanceof UndecodableRecord)) throw error;
    const subject = subjectOf(record);
    if (subject === POLICY_ID) return undefined; // no application's access depends on it
    if (!isId(subject)) throw error;
    return { kind: 'undecodable', applicationId: subject, error };
  }
}

function subjectOf({ key, value }: { readonly key: string | undefined; readonly value: Buffer | string }): string {
  if (key !== undefined) return key;
  return parseEnvelope(value).subject;
}
