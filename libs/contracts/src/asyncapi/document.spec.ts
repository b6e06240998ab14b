import specs from '@asyncapi/specs';
import { Ajv, type SchemaObject } from 'ajv';
import formats from 'ajv-formats';
import { Type } from 'typebox';
import { channels, channelsOf } from '../catalogue.js';
import { defineContext, message } from '../definition.js';
import { goldenRecords } from '../golden/golden-records.js';
import { asyncApiDocument } from './document.js';

const ajv = new Ajv({ strict: false, allErrors: true });
formats.default(ajv);
// The schema brings the metaschema of draft-07 with it. Its types allow `undefined` where ours do not: JSON has none.
const official = JSON.parse(JSON.stringify(specs.schemas['3.0.0'])) as SchemaObject;
const isAsyncApi = new Ajv({ strict: false, meta: false, validateFormats: false, validateSchema: false }).compile(
  official,
);
const golden = goldenRecords();
const all = channels.map(({ topic }) => topic.name);
const whole = { service: 'all', version: '1.2.3', prefix: '', channels, golden, use: { sends: all, receives: all } };

interface Document {
  readonly channels: Readonly<Record<string, { address: string; messages: object; bindings: { kafka: object } }>>;
  readonly operations: Readonly<Record<string, { action: string }>>;
  readonly components: { messages: Readonly<Record<string, { name: string; payload: object; description?: string }>> };
}
const documentOf = (options: typeof whole): Document => asyncApiDocument(options) as Document;

describe('the AsyncAPI document', () => {
  it('is one by the official schema of AsyncAPI 3.0', () => {
    isAsyncApi(documentOf(whole));
    expect(isAsyncApi.errors).toBeNull();
  });

  it('has every topic, and every golden record fits the schema of its message', () => {
    const document = documentOf(whole);
    expect(Object.values(document.channels).map(({ address }) => address)).toEqual(all);
    for (const { channel, message: name, version, record } of golden) {
      const { payload } = document.components.messages[`${channel}.${name}.v${version}`] ?? {};
      const check = ajv.compile(payload ?? false);
      check(JSON.parse(record));
      expect(check.errors).toBeNull();
      const attributes = Object.keys((payload as { properties: object }).properties);
      expect(attributes).toEqual(expect.arrayContaining(Object.keys(JSON.parse(record) as object)));
    }
  });

  it('says how a topic must stand in Kafka', () => {
    expect(documentOf({ ...whole, prefix: 'test.' }).channels['registration.events']).toMatchObject({
      address: 'test.gatehouse.registration.events',
      bindings: {
        kafka: {
          partitions: 8,
          topicConfiguration: { 'cleanup.policy': ['delete'], 'retention.ms': -1 },
        },
      },
    });
  });

  it('names what a service uses, and nothing else', () => {
    const use = { sends: ['gatehouse.activity'], receives: ['gatehouse.registration.events', 'gatehouse.activity'] };
    const document = documentOf({ ...whole, use });
    expect(Object.keys(document.channels)).toEqual(['registration.events', 'activity']);
    expect(Object.keys(document.operations)).toEqual([
      'receive.registration.events',
      'send.activity',
      'receive.activity',
    ]);
  });

  it('tells the versions before and the one to come', () => {
    const First = Type.Object({ name: Type.String() });
    const Third = Type.Object({ names: Type.Array(Type.String()) });
    const named = message('Named.', Type.Object({ given: Type.String() }), {
      version: 2,
      earlier: { 1: { schema: First, upcast: (data) => data } },
      next: { schema: Third, downcast: (data) => data },
    });
    const people = channelsOf(defineContext({ context: 'people', commands: {}, events: { named } }));
    const use = { sends: ['gatehouse.people.events'], receives: [] };
    const document = documentOf({ ...whole, channels: people, use });
    expect(Object.keys(document.components.messages)).toEqual([
      'people.events.named.v1',
      'people.events.named.v2',
      'people.events.named.v3',
    ]);
    expect(document.components.messages['people.events.named.v1']?.description).toContain('earlier version');
    isAsyncApi(document);
    expect(isAsyncApi.errors).toBeNull();
  });
});
