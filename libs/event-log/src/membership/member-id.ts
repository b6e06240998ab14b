import type { Broker } from 'kafkajs/src/cluster/index.js';
import requests from 'kafkajs/src/protocol/requests/joinGroup/index.js';
import { send } from '../kafka/send-request.js';

/** Brokers since Kafka 2.3; from version 4 on they give a member its id before they let it join (KIP-394). */
const VERSION = 5;

/**
 * The id that the group's coordinator gives a member that comes for the first time. kafkajs joins with it at once and keeps
 * it to itself until every other member has come; but who stops before that can leave by it.
 */
export async function newMemberId(
  coordinator: Broker,
  request: Omit<Parameters<Broker['joinGroup']>[0], 'memberId'>,
): Promise<string> {
  try {
    const join = requests.protocol({ version: VERSION });
    return (await send(coordinator, join({ ...request, memberId: '', protocolType: 'consumer' }))).memberId;
  } catch (error) {
    if (isMemberIdRequired(error)) return error.memberId;
    throw error;
  }
}

function isMemberIdRequired(error: unknown): error is Error & { readonly memberId: string } {
  return (
    error instanceof Error &&
    error.name === 'KafkaJSMemberIdRequired' &&
    'memberId' in error &&
    typeof error.memberId === 'string'
  );
}
