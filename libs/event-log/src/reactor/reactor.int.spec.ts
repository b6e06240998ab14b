import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { bodyDigest, commandId, mintId, type Position, reactorGroup } from '#contracts';
import { counter, counterDecider, counterTopics } from '#testing';
import { type Isolation, isolate } from '../../../../test/environment/isolation.js';
import { type CommandPort, CommandSender, type NewCommand } from '../command/command-sender.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { OtherMember } from '../membership/other-member.js';
import { ensureTopics } from '../topics/topic-guard.js';
import { ContextWriter } from '../writer/context-writer.js';
import { defineReactor, Reactor } from './reactor.js';

const PARTITION = 3;
/** More patience than any of these tests has. */
const FOREVER_MS = 600_000;

let own: Isolation;
let settings: LogSettings;
let sender: CommandSender<typeof counter>;
let said: string[];
const running = new Set<{ close(): Promise<void> }>();
const fail = (error: unknown): never => {
  throw error;
};

beforeAll(async () => {
  own = await isolate();
  const say = (_fields: object, message: string): void => void said.push(message);
  settings = {
    brokers: own.brokers.split(','),
    clientId: 'test',
    prefix: own.prefix,
    sink: { debug: say, info: say, warn: say, error: say },
  };
  said = [];
  await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
  sender = new CommandSender(settings, counter, fail);
  await sender.start();
}, 60_000);

beforeEach(() => {
  said = [];
});

afterEach(async () => {
  await Promise.all([...running].map((each) => each.close()));
  running.clear();
}, 30_000);

afterAll(async () => {
  await sender.close();
  await own.dispose();
}, 30_000);

const groupOf = (reactor: string) => ({
  groupId: settings.prefix + reactorGroup(reactor),
  topic: `${settings.prefix}gatehouse.counter.events`,
  partitions: 8,
});

/** Takes 1 from each counter that is opened, which is refused: no event follows that would move the checkpoint anyway. */
const counts = (name: string) =>
  defineReactor({
    name,
    source: counter,
    target: counter,
    react: ({ type, meta }) =>
      type === 'opened' ? [{ type: 'add', subject: meta.subject, data: { amount: -1 } }] : [],
  });

/** Waits for outcomes as long as it takes; tells of the first command it was asked to send. */
function patientPort(): CommandPort<typeof counter> & { readonly asked: Promise<void> } {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  return {
    asked,
    lookup: (...of) => sender.lookup(...of),
    send: (command) => {
      resolve();
      return sender.send(command, { waitMs: FOREVER_MS });
    },
  };
}

function startReactor(
  name: string,
  commands: CommandPort<typeof counter> = sender,
): Reactor<typeof counter, typeof counter> {
  const reactor = new Reactor(settings, counts(name), commands, fail);
  running.add(reactor);
  void reactor.start();
  return reactor;
}

function startWriter(): ContextWriter<typeof counter, { readonly total: number }> {
  const writer = new ContextWriter(settings, counterDecider, fail);
  running.add(writer);
  void writer.start();
  return writer;
}

/** Opens a counter; when it is there, nobody decides any more. */
async function opened(): Promise<Position> {
  const writer = startWriter();
  const subject = mintId(PARTITION);
  const command = {
    type: 'open',
    data: {},
    subject,
    id: commandId('caller', 'POST', '/counters', randomUUID()),
    actor: 'caller',
    correlationId: 'test',
    bodyDigest: bodyDigest({}),
  } satisfies NewCommand<typeof counter>;
  const answer = await sender.send(command, { waitMs: 20_000 });
  if (answer.status !== 'succeeded') throw new Error(`opening: ${answer.status}`);
  await writer.close();
  running.delete(writer);
  return answer.position;
}

async function untilPassed(reactor: Reactor<typeof counter, typeof counter>, position: Position): Promise<void> {
  while (!(await reactor.hasPassed(position))) await delay(20); // nobody tells
}

describe('a reactor', () => {
  it('ends without waiting for the outcome of what it asked for, and another goes on from there', async () => {
    const position = await opened();
    const port = patientPort();
    const first = startReactor('ends', port);
    await port.asked;
    await first.close();
    expect(await first.hasPassed(position).catch(() => false)).toBe(false);
    startWriter();
    await untilPassed(startReactor('ends'), position);
  }, 30_000);

  it('moves its checkpoint while a rebalance waits for another member', async () => {
    const position = await opened();
    const other = await OtherMember.join(settings, groupOf('waits'));
    const port = patientPort();
    const reactor = startReactor('waits', port);
    await other.giveAllToTheRest();
    await port.asked;
    const third = new OtherMember(settings, groupOf('waits'));
    const joined = third.beginRebalance();
    while (!said.includes('the group asks to join again')) await delay(20); // nobody tells
    startWriter();
    await untilPassed(reactor, position);
    await other.close();
    await joined;
    await third.close();
  }, 30_000);

  it('moves its checkpoint when a rebalance that refused it is over and the partition is still its own', async () => {
    const position = await opened();
    const other = await OtherMember.join(settings, groupOf('moves'));
    const port = patientPort();
    const reactor = startReactor('moves', port);
    await other.giveAllToTheRest();
    await port.asked;
    await other.beginRebalance();
    startWriter();
    while (!said.includes('the checkpoint was not moved')) await delay(20); // nobody tells
    await other.endRebalance();
    await untilPassed(reactor, position);
    await other.close();
  }, 30_000);
});
