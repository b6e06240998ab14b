import { randomUUID } from 'node:crypto';
import { bodyDigest, commandId, mintId } from '#contracts';
import { counter, counterDecider, counterTopics, MemorySnapshots } from '#testing';
import { type Isolation, isolate } from '../../../../test/environment/isolation.js';
import { CommandSender, type NewCommand } from '../command/command-sender.js';
import { LogConnection, type LogSettings } from '../kafka/log-connection.js';
import { LogScanner } from '../kafka/log-scanner.js';
import { heldByLog } from '../snapshot/held-by-log.js';
import type { SnapshotHead } from '../snapshot/snapshot-head.js';
import { Snapshots } from '../snapshot/snapshots.js';
import { LogTail } from '../tail/log-tail.js';
import { type Entry, eventsOf } from '../tail/record-source.js';
import { ensureTopics } from '../topics/topic-guard.js';
import { CommandFeed } from './command-feed.js';
import { PartitionWriter } from './partition-writer.js';

const PARTITION = 3;
const COMMANDS = 'gatehouse.counter.commands';
/** A snapshot at every stop, none in between. */
const pace = { records: 1e9, restMs: 1e9, fewRecords: 1, idleMs: 1e9 };
const macKey = Buffer.alloc(32, 5);

let own: Isolation;
let settings: LogSettings;
let sender: CommandSender<typeof counter>;
let connection: LogConnection;
let scanner: LogScanner;
let store: MemorySnapshots;
const warnings: string[] = [];
const failures: unknown[] = [];
type Writer = PartitionWriter<typeof counter, { readonly total: number }>;

/** Each has a feed of its own: a replaced one goes on to read commands. */
const running = new Map<Writer, CommandFeed>();

beforeAll(async () => {
  own = await isolate();
  const silent = (): void => undefined;
  const warn = (fields: object, message: string): void => void warnings.push(message);
  settings = {
    brokers: own.brokers.split(','),
    clientId: 'test',
    prefix: own.prefix,
    sink: { debug: silent, info: silent, warn, error: silent },
  };
  await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
  const fail = (error: unknown): void => void failures.push(error);
  sender = new CommandSender(settings, counter, fail);
  connection = new LogConnection(settings);
  scanner = new LogScanner(settings);
  await sender.start();
  store = new MemorySnapshots();
  warnings.length = 0;
}, 60_000);

afterEach(async () => {
  await Promise.all([...running.keys()].map(end));
  warnings.length = 0;
});

afterAll(async () => {
  await sender.close();
  await scanner.close();
  await connection.close();
  await own.dispose();
  expect(failures).toEqual([]);
}, 30_000);

function startWriter(secret = macKey): Writer {
  const feed = new CommandFeed(settings, 'counter-writer', settings.prefix + COMMANDS, (error) => failures.push(error));
  const writer = new PartitionWriter({
    decider: counterDecider,
    partition: PARTITION,
    connection,
    feed,
    scanner,
    snapshots: new Snapshots(settings, store, secret, pace),
    confirmed: () => new Promise(() => undefined),
    onFailure: (error) => failures.push(error),
  });
  running.set(writer, feed);
  writer.start();
  return writer;
}

async function end(writer: Writer): Promise<void> {
  await writer.stop();
  await running.get(writer)?.close();
  running.delete(writer);
}

/** An orderly end, with a snapshot. */
async function stop(writer: Writer): Promise<void> {
  await end(writer);
  await writer.leaveSnapshot(AbortSignal.timeout(20_000));
}

function add(
  subject: string,
  amount: number,
  more: Partial<NewCommand<typeof counter>> = {},
): NewCommand<typeof counter> {
  return {
    type: 'add',
    data: { amount },
    subject,
    id: commandId('caller', 'POST', `/counters/${subject}`, randomUUID()),
    actor: 'caller',
    correlationId: 'test',
    bodyDigest: bodyDigest({ amount }),
    ...more,
  } as NewCommand<typeof counter>;
}

async function opened(): Promise<string> {
  const subject = mintId(PARTITION);
  await sender.send(add(subject, 0, { type: 'open', data: {} }), { waitMs: 20_000 });
  return subject;
}

async function totalOf(subject: string): Promise<unknown> {
  return await sender.send(add(subject, 0), { waitMs: 20_000 });
}

async function logged(): Promise<Entry<unknown>[]> {
  const found: Entry<unknown>[] = [];
  const tail = new LogTail(settings, {
    sources: [eventsOf(counter)],
    from: 'start',
    onBatch: (entries) => void found.push(...entries),
    onFailure: (error) => failures.push(error),
  });
  await tail.start();
  await tail.close();
  return found;
}

describe('a writer that starts from a snapshot', () => {
  it('decides on the state of before, answers the retries of before, and goes on from there', async () => {
    const first = startWriter();
    const subject = await opened();
    const command = add(subject, 4);
    const answer = await sender.send(command, { waitMs: 20_000 });
    await stop(first);
    expect(store.heads.size).toBe(1);

    store.partsRead = 0;
    const second = startWriter();
    expect(await totalOf(subject)).toMatchObject({ status: 'succeeded', resource: { total: 4 } });
    expect(store.partsRead).toBeGreaterThan(0);
    expect(await sender.send(command)).toMatchObject({ ...answer, resource: { total: 4 }, repeated: true });
    expect(await sender.send(add(subject, 5, { id: command.id }))).toMatchObject({
      refusal: { type: 'idempotency-key-reused' },
    });
    // What came after the snapshot is in the log alone: no snapshot is left this time.
    await sender.send(add(subject, 2), { waitMs: 20_000 });
    await end(second);
    startWriter();
    expect(await totalOf(subject)).toMatchObject({ resource: { total: 6 } });
    expect(warnings).toEqual([]);
  });

  it('believes no forged one, nor one of another key: it reads the log instead, and says so', async () => {
    const first = startWriter();
    const subject = await opened();
    await sender.send(add(subject, 7), { waitMs: 20_000 });
    await stop(first);
    const [kept] = [...store.heads.values()];
    const part = store.parts.get(kept!.id)![0]!;
    part[part.length - 9]! ^= 1;

    const second = startWriter();
    expect(await totalOf(subject)).toMatchObject({ resource: { total: 7 } });
    expect(warnings).toEqual([expect.stringContaining('reading the log from its beginning')]);
    await stop(second);
    const other = startWriter(Buffer.alloc(32, 6));
    expect(await totalOf(subject)).toMatchObject({ resource: { total: 7 } });
    expect(warnings).toHaveLength(2);
    await stop(other);
  });

  it('is told from one of another log by what stands in the log', async () => {
    startWriter();
    await opened();
    const last = (await logged()).at(-1)!;
    const { id } = (last.event as { meta: { id: string } }).meta;
    const head = (change: object): Pick<SnapshotHead, 'reached' | 'witnesses'> => ({
      reached: [{ ...last.position, offset: last.position.offset + 1n }],
      witnesses: [{ ...last.position, id, ...change }],
    });
    expect(await heldByLog(settings, head({}))).toBe(true);
    expect(await heldByLog(settings, head({ id: 'of another log' }))).toBe(false);
    const beyond = { ...last.position, offset: last.position.offset + 1_000n };
    expect(await heldByLog(settings, { reached: [beyond], witnesses: [] })).toBe(false);
  });

  it('takes nothing from a zombie that the log does not have, and nothing older than it had', async () => {
    const zombie = startWriter();
    const subject = await opened();
    await sender.send(add(subject, 1), { waitMs: 20_000 });
    const successor = startWriter();
    // Both read the commands. Until the successor has fenced it, the first may decide; then it tries and cannot.
    let total = 1;
    for (; warnings.length === 0; total++) await sender.send(add(subject, 1), { waitMs: 20_000 });
    expect(warnings).toEqual(['the writer starts over from the log']);

    // The zombie is first: what it leaves is a prefix of the log, and the rest is read on top.
    await stop(zombie);
    const { reached } = [...store.heads.values()][0]!;
    const last = (await logged()).at(-1)!.position.offset;
    expect(reached[0]).toBeLessThanOrEqual(last);
    const third = startWriter();
    expect(await totalOf(subject)).toMatchObject({ resource: { total } });
    await stop(third);

    // The zombie is last: the further one stays.
    const further = [...store.heads.values()][0]!;
    await stop(successor);
    expect([...store.heads.values()]).toEqual([further]);
    startWriter();
    expect(await totalOf(subject)).toMatchObject({ resource: { total } });
  });
});
