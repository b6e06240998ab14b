/** The name that the Kafka protocol gives an error (`INVALID_PRODUCER_EPOCH`, …), wherever it stands in the chain of causes. */
export function brokerErrorType(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if ('type' in at && typeof at.type === 'string') return at.type;
    if ('originalError' in at && at.originalError instanceof Error) {
      const inner = brokerErrorType(at.originalError);
      if (inner !== undefined) return inner;
    }
  }
  return undefined;
}

/** Errors after which a producer's identity is gone: another instance fenced it, or the broker forgot it. */
const PRODUCER_ENDED = new Set([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_TXN_STATE',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
]);

export function endsProducer(error: unknown): boolean {
  const type = brokerErrorType(error);
  return type !== undefined && PRODUCER_ENDED.has(type);
}

/** The epoch was raised by another instance with the same transactional id. */
export function isFenced(error: unknown): boolean {
  const type = brokerErrorType(error);
  return type === 'INVALID_PRODUCER_EPOCH' || type === 'PRODUCER_FENCED';
}

/**
 * Errors of a produce request that say for certain that the broker appended nothing. NOT_LEADER_FOR_PARTITION and its
 * kin are not among them: a leader that loses its partition also gives them after its own append.
 */
const NOT_APPENDED = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'NOT_ENOUGH_REPLICAS',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
  'CORRUPT_MESSAGE',
  'INVALID_RECORD',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'UNKNOWN_PRODUCER_ID',
]);

/** Whether the broker answered that it appended nothing; no answer, or any other, may hide an appended batch. */
export function certainlyNotAppended(error: unknown): boolean {
  const type = brokerErrorType(error);
  return type !== undefined && NOT_APPENDED.has(type);
}

/** Errors that no retry mends: they are reported to the caller at once. */
export function isPermanent(error: unknown): boolean {
  const type = brokerErrorType(error);
  return (
    type === 'MESSAGE_TOO_LARGE' ||
    type === 'RECORD_LIST_TOO_LARGE' ||
    type === 'INVALID_RECORD' ||
    (type?.endsWith('AUTHORIZATION_FAILED') ?? false)
  );
}
