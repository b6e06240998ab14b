import {
  type ActivityEntry,
  activityTopic,
  approval,
  type ApprovalEvent,
  ContextCodec,
  decodeActivity,
  decodeErasure,
  type ErasureEntry,
  erasuresTopic,
  type Recorded,
  registration,
  type RegistrationEvent,
  review,
  type ReviewEvent,
  token,
  type TokenEvent,
  topicsOf,
  type TopicSpec,
} from '#contracts';

/** Everything that becomes an audit record: what was decided in any context, and what happened at high volume. */
export type Audited =
  | Recorded<RegistrationEvent>
  | Recorded<ApprovalEvent>
  | Recorded<TokenEvent>
  | Recorded<ReviewEvent>
  | ActivityEntry
  | ErasureEntry;

const readers: ReadonlyMap<string, (value: Buffer | string) => Audited> = new Map<
  string,
  (value: Buffer | string) => Audited
>([
  [topicsOf(registration).events.name, reader(new ContextCodec(registration))],
  [topicsOf(approval).events.name, reader(new ContextCodec(approval))],
  [topicsOf(token).events.name, reader(new ContextCodec(token))],
  [topicsOf(review).events.name, reader(new ContextCodec(review))],
  [activityTopic.name, decodeActivity],
  [erasuresTopic.name, decodeErasure],
]);

function reader<E>(codec: { decodeEvent(value: Buffer | string): E }): (value: Buffer | string) => E {
  return (value) => codec.decodeEvent(value);
}

/** The topics whose records are audit records. */
export const auditedTopics: readonly TopicSpec[] = [
  ...[registration, approval, token, review].map((contract) => topicsOf(contract).events),
  activityTopic,
  erasuresTopic,
];

/**
 * Reads a record of one of {@link auditedTopics}, named without prefix.
 *
 * @throws UndecodableRecord when it is none, or RangeError when the topic is none of them
 */
export function decodeAudited(topic: string, value: Buffer | string): Audited {
  const read = readers.get(topic);
  if (read === undefined) throw new RangeError(`records of ${topic} are no audit records`);
  return read(value);
}
