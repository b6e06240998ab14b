import { randomUUID } from 'node:crypto';
import {
  type ActivityRecord,
  bodyDigest,
  commandId,
  ContextCodec,
  mintId,
  type Recorded,
  type EventOf,
  topicsOf,
  writerGroup,
} from '#contracts';
import { type Isolation, isolate } from '../../../../test/environment/isolation.js';
import { CommandSender, type NewCommand } from '../command/command-sender.js';
import type { ActivityPort } from '../append/activity-appender.js';
import { brokerErrorType } from '../kafka/broker-error.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { OrderedAppender } from '../kafka/ordered-appender.js';
import { FencedProducer, WriterFenced } from '../kafka/fenced-producer.js';
import { LogConnection } from '../kafka/log-connection.js';
import { OtherMember } from '../membership/other-member.js';
import { LogTail } from '../tail/log-tail.js';
import { type Entry, eventsOf } from '../tail/record-source.js';
import type { SinkFields } from '../sink/log-sink.js';
import { ensureTopics } from '../topics/topic-guard.js';
import { ContextWriter } from './context-writer.js';
import { counter, counterDecider, counterTopics } from '#testing';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let own: Isolation;
let settings: LogSettings;
let sender: CommandSender<typeof counter>;
let writer: ContextWriter<typeof counter, { readonly total: number }>;
const failures: unknown[] = [];
/** What the first writer puts on record. */
const onRecord: ActivityRecord[] = [];
const isOnRecord = Promise.withResolvers<void>();

type Command = NewCommand<typeof counter>;

function add(subject: string, amount: number, more: Partial<Command> = {}): Command {
  return {
    type: 'add',
    data: { amount },
    subject,
    id: commandId('caller', 'POST', `/counters/${subject}`, randomUUID()),
    actor: 'caller',
    correlationId: 'test',
    bodyDigest: bodyDigest({ amount }),
    ...more,
  } as Command;
}

function open(subject: string): Command {
  return { ...add(subject, 0), type: 'open', data: {} };
}

const complaints: [SinkFields, string][] = [];
const complain = (fields: SinkFields, message: string): void => void complaints.push([fields, message]);

async function eventsOfCounter(subject: string): Promise<Entry<Recorded<EventOf<typeof counter>>>[]> {
  const found: Entry<Recorded<EventOf<typeof counter>>>[] = [];
  const tail = new LogTail(settings, {
    sources: [eventsOf(counter)],
    from: 'start',
    onBatch: (entries) => void found.push(...entries.filter(({ event }) => event.meta.subject === subject)),
    onFailure: (error) => failures.push(error),
  });
  await tail.start();
  await tail.close();
  return found;
}

beforeAll(async () => {
  own = await isolate();
  settings = {
    brokers: own.brokers.split(','),
    clientId: 'test',
    prefix: own.prefix,
    sink: { ...silent, error: complain },
  };
  await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
  sender = new CommandSender(settings, counter, (error) => failures.push(error));
  const activity: ActivityPort = {
    append(record) {
      onRecord.push(record);
      isOnRecord.resolve();
      return Promise.resolve({ id: 'kept', position: { topic: 'gatehouse.activity', partition: 0, offset: 0n } });
    },
  };
  writer = new ContextWriter(settings, counterDecider, (error) => failures.push(error), undefined, activity);
  await sender.start();
  void writer.start();
}, 60_000);

afterAll(async () => {
  await writer.close();
  await sender.close();
  await own.dispose();
  expect(failures).toEqual([]);
}, 30_000);

describe('the command path', () => {
  it('answers with version, position and the resource, and the event stands there', async () => {
    const subject = mintId(3);
    await sender.send(open(subject), { waitMs: 20_000 });
    const answer = await sender.send(add(subject, 7));
    expect(answer).toMatchObject({
      status: 'succeeded',
      version: 2,
      resource: { total: 7 },
      repeated: false,
      position: { partition: 3 },
    });
    const events = await eventsOfCounter(subject);
    expect(events.map(({ event }) => [event.type, event.meta.version])).toEqual([
      ['opened', 1],
      ['added', 2],
    ]);
    expect(events[1]?.position).toEqual(answer.status === 'succeeded' ? answer.position : undefined);
  }, 30_000);

  it('refuses by the rule of the domain, and a refusal is no event', async () => {
    const subject = mintId(1);
    await sender.send(open(subject), { waitMs: 20_000 });
    expect(await sender.send(add(subject, -1))).toMatchObject({
      status: 'refused',
      refusal: { status: 422, type: 'below-zero' },
    });
    expect(await eventsOfCounter(subject)).toHaveLength(1);
  }, 30_000);

  it('answers a retry and does nothing again; another body under the same key is refused', async () => {
    const subject = mintId(2);
    await sender.send(open(subject), { waitMs: 20_000 });
    const command = add(subject, 5);
    const [first, meanwhile] = await Promise.all([sender.send(command), sender.send(command)]);
    const later = await sender.send(command);
    expect(later).toMatchObject({ status: 'succeeded', version: 2, repeated: true });
    for (const answer of [first, meanwhile]) {
      expect(answer).toMatchObject({ status: 'succeeded', version: 2 });
      expect(later).toMatchObject({ position: answer.status === 'succeeded' ? answer.position : {} });
    }
    const other = add(subject, 6, { id: command.id });
    expect(await sender.send(other)).toMatchObject({ status: 'refused', refusal: { type: 'idempotency-key-reused' } });
    expect(await eventsOfCounter(subject)).toHaveLength(2);
  }, 30_000);

  it('a command with nothing to change answers with the position of what stands, in the same batch too', async () => {
    const subject = mintId(7);
    const answers = await Promise.all([1, 2, 3].map(() => sender.send(open(subject), { waitMs: 20_000 })));
    const [event] = await eventsOfCounter(subject);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 'succeeded', version: 1, position: event?.position });
    }
  }, 30_000);

  it('tells two requests under one key apart, also when they come together', async () => {
    const subject = mintId(0);
    await sender.send(open(subject), { waitMs: 20_000 });
    const command = add(subject, 5);
    const [one, other] = await Promise.all([sender.send(command), sender.send(add(subject, 6, { id: command.id }))]);
    expect(one).toMatchObject({ status: 'succeeded', resource: { total: 5 } });
    expect(other).toMatchObject({ status: 'refused', refusal: { type: 'idempotency-key-reused' } });
    expect(await sender.lookup(command.id, 'caller')).toMatchObject({ status: 'succeeded' });
  }, 30_000);

  it('refuses a stale version, fails a poison command, and goes on', async () => {
    const subject = mintId(4);
    await sender.send(open(subject), { waitMs: 20_000 });
    expect(await sender.send(add(subject, 1, { expectedVersion: 9 }))).toMatchObject({
      status: 'refused',
      refusal: { status: 412 },
    });
    const poison = add(subject, 666);
    expect(await sender.send(poison)).toMatchObject({ status: 'failed' });
    const { id: commandId, type: commandType } = poison;
    expect(complaints).toEqual([
      [
        { commandId, commandType, aggregateId: subject, err: new Error('poison') },
        'a command could not be carried out',
      ],
    ]);
    expect(await sender.send(add(subject, 1, { expectedVersion: 1 }))).toMatchObject({
      status: 'succeeded',
      version: 2,
    });
  }, 30_000);

  it('keeps one order for many callers, and nothing is lost or doubled', async () => {
    const subjects = Array.from({ length: 8 }, (_, partition) => mintId(partition));
    await Promise.all(subjects.map((subject) => sender.send(open(subject), { waitMs: 20_000 })));
    const answers = await Promise.all(
      Array.from({ length: 800 }, (_, index) => sender.send(add(subjects[index % 8] ?? '', 1), { waitMs: 20_000 })),
    );
    expect(answers.every(({ status }) => status === 'succeeded')).toBe(true);
    for (const subject of subjects) {
      const events = await eventsOfCounter(subject);
      expect(events.map(({ event }) => event.meta.version)).toEqual(
        Array.from({ length: 101 }, (_, index) => index + 1),
      );
    }
  }, 60_000);

  it('another instance that takes a partition fences the first, which goes on from the log', async () => {
    const subject = mintId(6);
    await sender.send(open(subject), { waitMs: 20_000 });
    const connection = new LogConnection(settings);
    const intruder = new FencedProducer(connection, `${settings.prefix}gatehouse.counter.writer.6`);
    await intruder.fence(AbortSignal.timeout(10_000));
    expect(await sender.send(add(subject, 1), { waitMs: 20_000 })).toMatchObject({ status: 'succeeded', version: 2 });
    const write = intruder.transact(
      [{ topic: `${settings.prefix}gatehouse.counter.events`, partitions: [6] }],
      async (transaction) => {
        await transaction.append(`${settings.prefix}gatehouse.counter.events`, 6, [{ key: subject, value: '{}' }]);
      },
    );
    await expect(write).rejects.toBeInstanceOf(WriterFenced);
    await connection.close();
    expect(await eventsOfCounter(subject)).toHaveLength(2);
  }, 60_000);

  it('what somebody else has written among its events is on record, once, and nothing that is its own', async () => {
    const subject = mintId(7);
    await sender.send(open(subject), { waitMs: 20_000 });
    await sender.send(add(subject, 1));
    expect(onRecord).toEqual([]);
    const [opened, last] = await eventsOfCounter(subject);
    if (!opened || !last) throw new Error('nothing was decided');
    const insider = new OrderedAppender(settings, { deadlineMs: 10_000 });
    const invented = mintId(7);
    const meta = { ...opened.event.meta, id: randomUUID(), subject: invented };
    const value = new ContextCodec(counter).encodeEvent(opened.event, meta);
    const { events } = topicsOf(counter);
    // A marker and no record: what a coordinator may leave that takes over from another.
    const connection = new LogConnection(settings);
    const marks = new FencedProducer(connection, `${settings.prefix}marks`);
    await marks.fence(AbortSignal.timeout(10_000));
    const there = [{ topic: settings.prefix + events.name, partitions: [7] }];
    await marks.transact(there, () => Promise.resolve());
    await connection.close();
    await sender.send(add(subject, 1));
    await insider.append(settings.prefix + events.name, 7, { key: invented, value });
    await insider.close();
    for (let more = 0; more < 3; more++) await sender.send(add(subject, 1));
    await isOnRecord.promise;
    // Behind the last event its marker, the one of nobody's record, and an event with its marker.
    const place = String(last.position.offset + 5n);
    expect(onRecord).toEqual([
      {
        type: 'foreign-records',
        data: { topic: events.name, partition: 7, firstOffset: place, lastOffset: place },
      },
    ]);
  }, 60_000);

  it('a writer whose group has forgotten it goes on deciding', async () => {
    const forgotten = Promise.withResolvers<void>();
    const apart: LogSettings = {
      ...settings,
      prefix: `${settings.prefix}forgotten.`,
      sink: {
        ...silent,
        debug: (fields) => {
          if ('err' in fields && brokerErrorType(fields.err) === 'UNKNOWN_MEMBER_ID') forgotten.resolve();
        },
      },
    };
    await ensureTopics(apart, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
    const { commands } = topicsOf(counter);
    const group = {
      groupId: apart.prefix + writerGroup(counter),
      topic: apart.prefix + commands.name,
      partitions: commands.partitions,
    };
    const other = await OtherMember.join(apart, group);
    const lost = new ContextWriter(apart, counterDecider, (error) => failures.push(error));
    const ask = new CommandSender(apart, counter, (error) => failures.push(error));
    const begun = lost.start();
    await Promise.all([ask.start(), other.giveAllToTheRest(), begun]);
    const subject = mintId(2);
    await ask.send(open(subject), { waitMs: 20_000 });
    await other.expelOthers();
    await forgotten.promise;
    // Nobody has a share of anything, until the other one says who gets which.
    expect(await ask.send(add(subject, 3), { waitMs: 20_000 })).toMatchObject({ status: 'succeeded', version: 2 });
    await Promise.all([lost.close(), other.close()]);
    await ask.close();
  }, 60_000);

  it('a new writer restores the state and the answers from the log', async () => {
    const subject = mintId(5);
    const command = add(subject, 4);
    await sender.send(open(subject), { waitMs: 20_000 });
    await sender.send(command);
    await writer.close();
    writer = new ContextWriter(settings, counterDecider, (error) => failures.push(error));
    void writer.start();
    expect(await sender.send(command, { waitMs: 20_000 })).toMatchObject({
      status: 'succeeded',
      version: 2,
      repeated: true,
    });
    expect(await sender.send(add(subject, 1), { waitMs: 20_000 })).toMatchObject({
      version: 3,
      resource: { total: 5 },
    });
    expect((await eventsOfCounter(subject)).map(({ event }) => event.meta.version)).toEqual([1, 2, 3]);
  }, 60_000);
});
