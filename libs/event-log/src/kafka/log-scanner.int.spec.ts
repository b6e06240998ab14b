import { counterTopics } from '#testing';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { ensureTopics } from '../topics/topic-guard.js';
import type { LogSettings } from './log-connection.js';
import { LogScanner, TooManyScans } from './log-scanner.js';
import { OrderedAppender } from './ordered-appender.js';

const silent = () => undefined;

let own: Isolation;
let settings: LogSettings;
let scanner: LogScanner;
let topic: string;

beforeAll(async () => {
  own = await isolate();
  const sink = { debug: silent, info: silent, warn: silent, error: silent };
  settings = { brokers: own.brokers.split(','), clientId: 'test', prefix: own.prefix, sink };
  await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
  topic = `${own.prefix}gatehouse.counter.commands`;
  const appender = new OrderedAppender(settings, { deadlineMs: 10_000 });
  // Large enough that one fetch does not give them all.
  const appended = Array.from({ length: 40 }, (_, index) =>
    appender.append(topic, 2, { key: 'k', value: `${index} `.padEnd(100_000, '.') }),
  );
  await Promise.all(appended);
  await appender.close();
  scanner = new LogScanner(settings);
});
afterAll(async () => {
  await scanner.close();
  await own.dispose();
});

const all = { isolation: 'committed', partition: 2, from: 0n } as const;
const numberOf = ({ value }: { readonly value: Buffer }): number => Number.parseInt(value.toString('utf8'), 10);

it('looks at every record up to the end, in order, and no further than it was told', async () => {
  const seen: number[] = [];
  const look = (record: { readonly value: Buffer }): undefined => void seen.push(numberOf(record));
  expect(await scanner.scan({ ...all, topic }, look)).toBeUndefined();
  expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => index));

  seen.length = 0;
  await scanner.scan({ ...all, topic, from: 5n, limit: 3 }, look);
  expect(seen).toEqual([5, 6, 7]);
});

it('finds nothing where nothing is: behind the end, or in a partition that is empty', async () => {
  expect(await scanner.scan({ ...all, topic, from: 40n }, numberOf)).toBeUndefined();
  expect(await scanner.scan({ ...all, topic, from: 4_000n }, numberOf)).toBeUndefined();
  expect(await scanner.scan({ ...all, topic, partition: 3 }, numberOf)).toBeUndefined();
});

it('begins at a time', async () => {
  expect(await scanner.scan({ ...all, topic, from: { unixMs: Date.now() - 3_600_000 } }, numberOf)).toBe(0);
  expect(await scanner.scan({ ...all, topic, from: { unixMs: Date.now() + 3_600_000 } }, numberOf)).toBeUndefined();
});

it('answers a crowd in turn, and tells those that would wait too long at once', async () => {
  const answers = await Promise.allSettled(
    Array.from({ length: 250 }, async () => await scanner.scan({ ...all, topic, limit: 1 }, numberOf)),
  );
  const told = answers.map((answer): unknown => (answer.status === 'fulfilled' ? answer.value : answer.reason));
  // On a machine that is busy with others, the last in line may wait longer than they are given.
  expect(told[0]).toBe(0);
  for (const answer of told.slice(0, 200)) if (answer !== 0) expect(answer).toMatchObject({ name: 'TimeoutError' });
  for (const reason of told.slice(200)) expect(reason).toBeInstanceOf(TooManyScans);
  expect(await scanner.scan({ ...all, topic, limit: 1 }, numberOf)).toBe(0);
});

it('goes on after a question that could not be answered', async () => {
  const wrong = new Error('not this one');
  const throws = (): never => {
    throw wrong;
  };
  await expect(scanner.scan({ ...all, topic }, throws)).rejects.toBe(wrong);
  expect(await scanner.scan({ ...all, topic }, numberOf)).toBe(0);
});
