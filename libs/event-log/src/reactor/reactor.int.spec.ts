import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { bodyDigest, commandId, type CommandOf, mintId, type Position, reactorGroup } from '#contracts';
import { counter, counterDecider, counterTopics } from '#testing';
import { type Isolation, isolate } from '../../../../test/environment/isolation.js';
import { type CommandPort, CommandSender, type NewCommand } from '../command/command-sender.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { OtherMember } from '../membership/other-member.js';
import type { SinkFields } from '../sink/log-sink.js';
import { ensureTopics } from '../topics/topic-guard.js';
import { ContextWriter } from '../writer/context-writer.js';
import { defineReactor, Reactor } from './reactor.js';

const PARTITION = 3;
/** Another, whose events a fetch brings together. */
const TOGETHER = 5;
/** More patience than any of these tests has. */
const FOREVER_MS = 600_000;

let own: Isolation;
let settings: LogSettings;
let sender: CommandSender<typeof counter>;
let said: string[];
/** With its correlation id each line that says of a command what became of it. */
let told: string[];
const hand = new AsyncLocalStorage<string>();
const running = new Set<{ close(): Promise<void> }>();
const fail = (error: unknown): never => {
  throw error;
};

beforeAll(async () => {
  own = await isolate();
  const say = ({ commandType, outcome, reason }: SinkFields, message: string): void => {
    said.push(message);
    if (commandType !== undefined)
      told.push([hand.getStore(), message, commandType, outcome, reason].filter(Boolean).join(' '));
  };
  settings = {
    brokers: own.brokers.split(','),
    clientId: 'test',
    prefix: own.prefix,
    sink: { debug: say, info: say, warn: say, error: say },
    correlated: (correlationId, work) => hand.run(correlationId, work),
  };
  said = [];
  await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
  sender = new CommandSender(settings, counter, fail);
  await sender.start();
}, 60_000);

beforeEach(() => {
  said = [];
  told = [];
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
      type === 'opened' || meta.actor === 'caller'
        ? [{ type: 'add', subject: meta.subject, data: { amount: -1 } }]
        : [],
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

/** Writes down what it was asked to send and what was answered; nobody answers for those that are held. */
function recordingPort(held: readonly string[] = []) {
  const said: string[] = [];
  return {
    said,
    lookup: (...of: Parameters<typeof sender.lookup>) => sender.lookup(...of),
    async send(command: NewCommand<typeof counter>) {
      said.push(`${command.subject}: asked`);
      if (held.includes(command.subject)) return await new Promise<never>(() => undefined);
      const answer = await sender.send(command, { waitMs: FOREVER_MS });
      said.push(`${command.subject}: answered`);
      return answer;
    },
    async untilSaid(lines: readonly string[]): Promise<void> {
      while (!lines.every((line) => said.includes(line))) await delay(20); // nobody tells
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
  const subject = mintId(PARTITION);
  return await decided([{ type: 'open', data: {}, subject }]);
}

type Wanted = Pick<NewCommand<typeof counter>, 'subject'> & CommandOf<typeof counter>;

/** Has commands decided, one after the other; gives the last one's position. When it is there, nobody decides any more. */
async function decided(wanted: readonly Wanted[], correlationId = 'test'): Promise<Position> {
  const writer = startWriter();
  let position: Position | undefined;
  for (const command of wanted) {
    const answer = await sender.send(
      {
        ...command,
        id: commandId('caller', 'POST', '/counters', randomUUID()),
        actor: 'caller',
        correlationId,
        bodyDigest: bodyDigest(command.data),
      },
      { waitMs: 20_000 },
    );
    if (answer.status !== 'succeeded') throw new Error(`${command.type}: ${answer.status}`);
    position = answer.position;
  }
  await writer.close();
  running.delete(writer);
  if (position === undefined) throw new Error('nothing was decided');
  return position;
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

  it('says what became of a command, and the writer before it, under the id that the first caller gave', async () => {
    const subject = mintId(PARTITION);
    const position = await decided([{ type: 'open', data: {}, subject }], 'of-the-caller');
    startWriter();
    await untilPassed(startReactor('says'), position);
    expect(told.filter((line) => line.startsWith('of-the-caller'))).toEqual([
      'of-the-caller decided open succeeded',
      'of-the-caller decided add refused below-zero',
      'of-the-caller a reaction was refused add below-zero',
    ]);
  }, 30_000);

  it('asks for several subjects at once what one fetch brought, for each in the order of its events', async () => {
    const [one, other] = [mintId(TOGETHER), mintId(TOGETHER)];
    const position = await decided([
      { type: 'open', data: {}, subject: one },
      { type: 'add', data: { amount: 1 }, subject: one },
      { type: 'open', data: {}, subject: other },
    ]);
    const port = recordingPort();
    const reactor = startReactor('together', port);
    await port.untilSaid([`${one}: asked`, `${other}: asked`]);
    startWriter();
    await untilPassed(reactor, position);
    expect(port.said.filter((line) => line.startsWith(one))).toEqual(
      ['asked', 'answered', 'asked', 'answered'].map((what) => `${one}: ${what}`),
    );
  }, 30_000);

  it('moves its checkpoint no further than what is answered, whatever is answered behind it', async () => {
    const [held, answered] = [mintId(TOGETHER), mintId(TOGETHER)];
    const position = await decided([held, answered].map((subject): Wanted => ({ type: 'open', data: {}, subject })));
    startWriter();
    const port = recordingPort([held]);
    const first = startReactor('held', port);
    await port.untilSaid([`${held}: asked`, `${answered}: answered`]);
    await first.close();
    const next = recordingPort();
    await untilPassed(startReactor('held', next), position);
    expect(next.said).toContain(`${held}: answered`);
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
