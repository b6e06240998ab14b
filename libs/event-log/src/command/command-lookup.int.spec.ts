import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { bodyDigest, CommandKeys, commandId, mintId } from '#contracts';
import { counter, counterDecider, counterTopics } from '#testing';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { ensureTopics } from '../topics/topic-guard.js';
import { ContextWriter } from '../writer/context-writer.js';
import type { CommandAnswer } from './command-answer.js';
import { CommandSender } from './command-sender.js';

const silent = () => undefined;
const fail = (error: unknown): never => {
  throw error;
};

let own: Isolation;
let settings: LogSettings;
const senders: CommandSender<typeof counter>[] = [];

async function instance(commandKeys?: CommandKeys): Promise<CommandSender<typeof counter>> {
  const keyed = commandKeys === undefined ? settings : { ...settings, commandKeys };
  const sender = new CommandSender(keyed, counter, fail);
  senders.push(sender);
  await sender.start();
  return sender;
}

const send = (
  by: CommandSender<typeof counter>,
  key: string,
  waitMs: number,
  body: object = {},
): Promise<CommandAnswer> =>
  by.send(
    {
      type: 'open',
      data: {},
      subject: mintId(3),
      id: commandId('me', 'POST', '/counters', key),
      actor: 'me',
      correlationId: 'test',
      bodyDigest: bodyDigest(body),
    },
    { waitMs },
  );

function resourceOf(answer: CommandAnswer): string {
  if (answer.status !== 'pending') throw new Error(`it was ${answer.status}`);
  return answer.resourceId;
}

beforeAll(async () => {
  own = await isolate();
  const sink = { debug: silent, info: silent, warn: silent, error: silent };
  settings = { brokers: own.brokers.split(','), clientId: 'test', prefix: own.prefix, sink };
  await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
});
afterAll(async () => {
  await Promise.all(senders.map((sender) => sender.close()));
  await own.dispose();
});

it('tells at any instance what became of a command, while it is pending and after, and after a restart', async () => {
  const [one, other] = await Promise.all([instance(), instance()]);
  const id = resourceOf(await send(one, 'first', 2_000));
  const [digest = ''] = id.split('-');

  // Without its place, nobody knows of it who has not seen it.
  expect(await other.lookup(digest, 'me')).toBeUndefined();
  expect(await other.lookup(id, 'me')).toMatchObject({ status: 'pending', resourceId: id });
  expect(await other.lookup(id, 'somebody else')).toBeUndefined();
  expect(await one.lookup(id, 'somebody else')).toBeUndefined();
  // Places where it does not stand, one of them beyond the end of the log.
  expect(await other.lookup(`${digest}-3-999`, 'me')).toBeUndefined();
  expect(await other.lookup(`${digest}-2-0`, 'me')).toBeUndefined();
  expect(await other.lookup(`${digest}-99-0`, 'me')).toBeUndefined();
  expect(await other.lookup('no id', 'me')).toBeUndefined();

  const writer = new ContextWriter(settings, counterDecider, fail);
  void writer.start();
  // The writer decides in the order of the log: who has this answer has read that of the first.
  expect(await send(other, 'second', 30_000)).toMatchObject({ status: 'succeeded' });
  expect(await other.lookup(id, 'me')).toMatchObject({ status: 'succeeded', version: 1 });
  expect(await other.lookup(id, 'somebody else')).toBeUndefined();
  await writer.close();

  const restarted = await instance();
  expect(await restarted.lookup(id, 'me')).toMatchObject({ status: 'succeeded', version: 1 });
  expect(await restarted.lookup(digest, 'me')).toMatchObject({ status: 'succeeded', version: 1 });
});

it('tells of the copy that is asked for: another body under the same key was refused, whatever became of the first', async () => {
  const one = await instance();
  const first = resourceOf(await send(one, 'twice', 200));
  const second = resourceOf(await send(one, 'twice', 200, { another: 'body' }));

  const writer = new ContextWriter(settings, counterDecider, fail);
  void writer.start();
  expect(await send(one, 'last', 30_000)).toMatchObject({ status: 'succeeded' });
  await writer.close();
  for (const asked of [one, await instance()]) {
    expect(await asked.lookup(first, 'me')).toMatchObject({ status: 'succeeded' });
    expect(await asked.lookup(second, 'me')).toMatchObject({
      status: 'refused',
      refusal: { type: 'idempotency-key-reused' },
    });
  }
});

it('takes one connection to each broker, however many ask for what nobody has decided yet, and then none', async () => {
  const [one, other] = await Promise.all([instance(), instance()]);
  const ids = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => resourceOf(await send(one, `undecided ${index}`, 1_000))),
  );
  let opened = 0;
  const count = (): void => void opened++;
  const ask = async (of: CommandSender<typeof counter>): Promise<number> => {
    opened = 0;
    const answers = await Promise.all(ids.map((id) => of.lookup(id, 'me')));
    expect(answers).toEqual(
      ids.map((resourceId): unknown => expect.objectContaining({ status: 'pending', resourceId })),
    );
    return opened;
  };
  subscribe('net.client.socket', count);
  try {
    // kafkajs fetches on a connection of its own, beside that for all other requests.
    expect(await ask(other)).toBeLessThanOrEqual(2);
    // Both follow the outcomes: what they know to be pending they need not look for.
    expect(await ask(other)).toBe(0);
    expect(await ask(one)).toBe(0);
  } finally {
    unsubscribe('net.client.socket', count);
  }

  const writer = new ContextWriter(settings, counterDecider, fail);
  void writer.start();
  expect(await send(other, 'after them', 30_000)).toMatchObject({ status: 'succeeded' });
  for (const id of ids) expect(await other.lookup(id, 'me')).not.toMatchObject({ status: 'pending' });
  await writer.close();
});

it('tells that a command was refused whose MAC counted nowhere, where it was sent and where it was asked for', async () => {
  const keysOf = (id: string) => new CommandKeys([{ id, key: Buffer.alloc(32, id) }]);
  const [known, unknown] = [keysOf('known'), keysOf('unknown')];
  const [one, other] = [await instance(unknown), await instance(known)];
  const id = resourceOf(await send(one, 'sealed by a key that the writer has not', 200));
  expect(await other.lookup(id, 'me')).toMatchObject({ status: 'pending' });

  const writer = new ContextWriter({ ...settings, commandKeys: known }, counterDecider, fail);
  void writer.start();
  expect(await send(other, 'sealed by one that it has', 30_000)).toMatchObject({ status: 'succeeded' });
  const refused = { status: 'refused', refusal: { type: 'unauthentic-command' } };
  expect(await other.lookup(id, 'me')).toMatchObject(refused);
  // What `one` sends last it reads last: the refusal of the first is behind it then.
  expect(await send(one, 'sealed by the other again', 30_000)).toMatchObject({ status: 'refused' });
  expect(await one.lookup(id, 'me')).toMatchObject(refused);
  await writer.close();
});
