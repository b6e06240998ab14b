import type { LogSettings } from '#event-log';
import kafkajs, { type Producer } from 'kafkajs';

/** Somebody with credentials of the brokers and a console: another client than ours, without any of our manners. */
export interface Insider {
  /** Writes one record to one partition. Rejects with the broker's error. */
  produce(topic: string, partition: number, value: string, key?: string): Promise<void>;
  /** Takes a transactional id. */
  fence(transactionalId: string): Promise<void>;
  /** Lets a user write to a topic, as whoever runs the brokers can. */
  allow(user: string, topic: string): Promise<void>;
  close(): Promise<void>;
}

export async function insider({ brokers, ssl, sasl }: LogSettings): Promise<Insider> {
  const kafka = new kafkajs.Kafka({
    brokers: [...brokers],
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
    retry: { retries: 0 },
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const opened: (() => Promise<void>)[] = [];
  const producer = async (transactionalId?: string): Promise<Producer> => {
    const made = kafka.producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
      ...(transactionalId === undefined ? {} : { transactionalId, maxInFlightRequests: 1 }),
    });
    await made.connect();
    opened.push(() => made.disconnect());
    return made;
  };
  const plain = await producer();
  return {
    async produce(topic, partition, value, key = 'console') {
      await plain.send({ topic, messages: [{ partition, value, key }] }).catch(toBrokerError);
    },
    async fence(transactionalId) {
      await (await producer(transactionalId)).transaction().catch(toBrokerError);
    },
    async allow(user, topic) {
      const admin = kafka.admin();
      await admin.connect();
      opened.push(() => admin.disconnect());
      await admin.createAcls({
        acl: [
          {
            principal: `User:${user}`,
            host: '*',
            resourceType: kafkajs.AclResourceTypes.TOPIC,
            resourceName: topic,
            resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
            operation: kafkajs.AclOperationTypes.WRITE,
            permissionType: kafkajs.AclPermissionTypes.ALLOW,
          },
        ],
      });
    },
    async close() {
      await Promise.all(opened.map((end) => end()));
    },
  };
}

/** kafkajs wraps what the broker said in its own retrying. */
function toBrokerError(error: unknown): never {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if ('type' in at) throw at;
  throw error;
}
