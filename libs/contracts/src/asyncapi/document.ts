import type { Channel } from '../catalogue.js';
import { CONTENT_TYPE } from '../envelope.js';
import type { GoldenRecord } from '../golden/golden-records.js';
import { recordSchema } from './envelope-schema.js';

/** What a process does with topics; names as in `TopicSpec`. */
export interface TopicsUsed {
  readonly sends: readonly string[];
  readonly receives: readonly string[];
}

export interface AsyncApiOptions {
  /** The service that the document speaks of. */
  readonly service: string;
  readonly version: string;
  /** What stands before the names of topics. */
  readonly prefix: string;
  readonly channels: readonly Channel[];
  readonly use: TopicsUsed;
  /** The examples. */
  readonly golden: readonly GoldenRecord[];
}

const KAFKA = { bindingVersion: '0.5.0' };

/**
 * The AsyncAPI 3.0 document of a service: the topics that it uses with how they stand in Kafka, the records in them in
 * every version that may stand there, what it sends and what it receives.
 */
export function asyncApiDocument(options: AsyncApiOptions): object {
  const { service, version, channels, use } = options;
  const used = channels.filter(({ topic }) => [...use.sends, ...use.receives].includes(topic.name));
  return {
    asyncapi: '3.0.0',
    info: {
      title: `Gatehouse: ${service}`,
      version,
      description:
        'The Kafka log of Gatehouse: every record is one JSON value: a CloudEvents 1.0 event in structured mode, but for those whose content type is `application/json`. Versions of messages stand in their `type`; consumers must let pass what they do not know.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: CONTENT_TYPE,
    servers: {
      kafka: {
        host: '{brokers}',
        protocol: 'kafka',
        description: 'The log.',
        variables: { brokers: { description: '`KAFKA_BROKERS` of the installation.' } },
      },
    },
    channels: Object.fromEntries(used.map((channel) => [channel.name, channelObject(channel, options)])),
    operations: Object.fromEntries(
      used.flatMap((channel) => [
        ...(use.sends.includes(channel.topic.name) ? [operation('send', channel)] : []),
        ...(use.receives.includes(channel.topic.name) ? [operation('receive', channel)] : []),
      ]),
    ),
    components: {
      messages: Object.fromEntries(used.flatMap((channel) => messagesOf(channel, options.golden))),
    },
  };
}

function operation(action: 'send' | 'receive', { name, topic }: Channel): [string, object] {
  return [`${action}.${name}`, { action, channel: { $ref: `#/channels/${name}` }, summary: topic.summary }];
}

function channelObject(channel: Channel, { prefix }: AsyncApiOptions): object {
  const { topic } = channel;
  const address = prefix + topic.name;
  return {
    address,
    title: channel.name,
    summary: topic.summary,
    servers: [{ $ref: '#/servers/kafka' }],
    messages: Object.fromEntries(
      versionsOf(channel).map(({ key }) => [key, { $ref: `#/components/messages/${channel.name}.${key}` }]),
    ),
    bindings: {
      kafka: {
        ...KAFKA,
        topic: address,
        partitions: topic.partitions,
        topicConfiguration: {
          'cleanup.policy': [topic.cleanup],
          'retention.ms': topic.retentionMs === 'forever' ? -1 : topic.retentionMs,
          'max.message.bytes': topic.maxMessageBytes,
        },
      },
    },
  };
}

interface Version {
  /** `<message>.v<version>` */
  readonly key: string;
  readonly message: string;
  readonly summary: string;
  readonly schema: object;
  readonly description?: string;
}

/** Every version of every message that may stand in the topic. */
function versionsOf({ messages }: Channel): readonly Version[] {
  return Object.entries(messages).flatMap(([message, { summary, version, schema, earlier, next, announced }]) => [
    ...Object.entries(earlier).map(([before, of]) => ({
      key: `${message}.v${before}`,
      message,
      summary,
      schema: of.schema,
      description: `An earlier version: it stands in the topic and is not written any more. See v${version}.`,
    })),
    {
      key: `${message}.v${version}`,
      message,
      summary,
      schema,
      ...(announced ? { description: 'Announced: read by this release, written by the next.' } : {}),
    },
    ...(next
      ? [
          {
            key: `${message}.v${version + 1}`,
            message,
            summary,
            schema: next.schema,
            description: 'The next version: read by this release, written by the next.',
          },
        ]
      : []),
  ]);
}

function messagesOf(channel: Channel, golden: readonly GoldenRecord[]): readonly [string, object][] {
  return versionsOf(channel).map(({ key, message, schema, summary, description }) => {
    const type = `gatehouse.${channel.context}.${key}`;
    const examples = golden.filter((it) => it.channel === channel.name && `${it.message}.v${it.version}` === key);
    return [
      `${channel.name}.${key}`,
      {
        name: type,
        title: message,
        summary,
        ...(description === undefined ? {} : { description }),
        contentType: channel.plain ? 'application/json' : CONTENT_TYPE,
        payload: channel.plain ? schema : recordSchema(type, schema, channel.extensions),
        bindings: { kafka: { ...KAFKA, key: { type: 'string', description: channel.key } } },
        examples: examples.map(({ variant, record }) => ({
          name: variant ?? message,
          payload: JSON.parse(record) as unknown,
        })),
      },
    ];
  });
}
