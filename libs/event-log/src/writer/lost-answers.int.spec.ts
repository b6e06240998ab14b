import { randomUUID } from 'node:crypto';
import { activityTopic, bodyDigest, commandId, mintId } from '#contracts';
import {
  counter,
  counterDecider,
  counterTopics,
  freePort,
  kafkaProxy,
  type KafkaProxy,
  type KafkaRequest,
} from '#testing';
import { startBroker } from '../../../../scripts/infrastructure/kafka.mjs';
import { CommandSender, type NewCommand } from '../command/command-sender.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { NotAppended } from '../kafka/append-lane.js';
import { OrderedAppender } from '../kafka/ordered-appender.js';
import { PartitionReader } from '../kafka/partition-reader.js';
import { LogTail } from '../tail/log-tail.js';
import { eventsOf } from '../tail/record-source.js';
import { ensureTopics } from '../topics/topic-guard.js';
import { ContextWriter } from './context-writer.js';

/**
 * The whole command path over a connection that ends at the worst moments. The broker names the proxy as its address, so
 * that no client gets past it.
 */
describe('the command path, when the connection ends', () => {
  let broker: Awaited<ReturnType<typeof startBroker>>;
  let proxy: KafkaProxy;
  let sender: CommandSender<typeof counter>;
  let writer: ContextWriter<typeof counter, { readonly total: number }>;
  let settings: LogSettings;
  const failures: unknown[] = [];
  const subject = mintId(3);

  const command = (type: 'open' | 'add', amount: number): NewCommand<typeof counter> => ({
    ...(type === 'open' ? { type, data: {} } : { type, data: { amount } }),
    subject,
    id: commandId('caller', 'POST', `/counters/${subject}`, randomUUID()),
    actor: 'caller',
    correlationId: 'test',
    bodyDigest: bodyDigest({ amount }),
  });

  /** Sends under the same id until there is an answer, as a caller does who was told 202 or 503. */
  const persist = async (asked: NewCommand<typeof counter>): Promise<number> => {
    for (;;) {
      const answer = await sender.send(asked, { waitMs: 5_000 }).catch(() => undefined);
      if (answer?.status === 'succeeded') return answer.version;
      if (answer && answer.status !== 'pending') throw new Error(`answered ${answer.status}`);
    }
  };

  beforeAll(async () => {
    const [own, advertised] = [await freePort(), await freePort()];
    proxy = await kafkaProxy(advertised, () => own);
    broker = await startBroker({
      port: own,
      settings: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${String(advertised)}` },
    });
    const silent = (): void => undefined;
    settings = {
      brokers: [`127.0.0.1:${String(advertised)}`],
      clientId: 'test',
      prefix: 'lost.',
      sink: { debug: silent, info: silent, warn: silent, error: silent },
    };
    await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
    sender = new CommandSender(settings, counter, (error) => failures.push(error));
    writer = new ContextWriter(settings, counterDecider, (error) => failures.push(error));
    await sender.start();
    void writer.start();
    await persist(command('open', 0));
  }, 120_000);

  afterAll(async () => {
    await writer.close();
    await sender.close();
    await proxy.close();
    await broker.stop();
    expect(failures).toEqual([]);
  }, 60_000);

  const total = async (): Promise<{ total: number; versions: number[] }> => {
    const versions: number[] = [];
    let sum = 0;
    const tail = new LogTail(settings, {
      sources: [eventsOf(counter)],
      from: 'start',
      onBatch: (entries) => {
        for (const { event } of entries) {
          versions.push(event.meta.version);
          sum += event.type === 'added' ? event.data.amount : 0;
        }
      },
      onFailure: (error) => failures.push(error),
    });
    await tail.start();
    await tail.close();
    return { total: sum, versions };
  };

  const requests: readonly KafkaRequest[] = [
    'EndTxn',
    'AddPartitionsToTxn',
    'Produce',
    'Fetch',
    'Heartbeat',
    'InitProducerId',
    'ListOffsets',
    'FindCoordinator',
    'Metadata',
  ];
  /** Those that nobody asks while all is well: another one is lost first, so that they are. */
  const onlyInTrouble = new Set<KafkaRequest>(['InitProducerId', 'ListOffsets', 'FindCoordinator', 'Metadata']);
  let sent = 0;

  it.each(
    requests.flatMap(
      (request) =>
        [
          ['answer' as const, request],
          ['request' as const, request],
        ] as const,
    ),
  )('loses the %s of %s: every command is answered, and applied once', async (loss, request) => {
    const lost = [proxy.lose(loss, request), ...(onlyInTrouble.has(request) ? [proxy.lose('answer', 'EndTxn')] : [])];
    const commands = Array.from({ length: 10 }, () => command('add', 1));
    const versions = await Promise.all(commands.map(persist));
    await Promise.all(lost);
    sent += commands.length;
    expect(versions.sort((a, b) => a - b)).toEqual(commands.map((_, index) => sent - commands.length + index + 2));
    // A retry of each, when all is well again, has the first answer.
    expect((await Promise.all(commands.map(persist))).sort((a, b) => a - b)).toEqual(versions);
    expect(await total()).toEqual({ total: sent, versions: Array.from({ length: sent + 1 }, (_, index) => index + 1) });
  });

  it.each([
    ['answer' as const, 'Produce' as const],
    ['request' as const, 'Produce' as const],
    ['answer' as const, 'InitProducerId' as const],
    ['answer' as const, 'Metadata' as const],
  ])('loses the %s of %s: an appender keeps the order, and repeats nothing', async (loss, request) => {
    const topic = `${settings.prefix}${counterTopics[0]?.name ?? ''}`;
    const partition = 5; // which no counter here is in, and whose writer skips what is no command
    const appender = new OrderedAppender(settings, { deadlineMs: 10_000 });
    const values = Array.from({ length: 6 }, () => randomUUID());
    const append = (value: string | undefined) => appender.append(topic, partition, { key: 'k', value: value ?? '' });
    const lost = proxy.lose(loss, request);
    // Three at once, three one after the other: all behind the one that is lost.
    const together = await Promise.all(values.slice(0, 3).map(append));
    const alone = [await append(values[3]), await append(values[4]), await append(values[5])];
    await lost;
    await appender.close();
    const end = (alone.at(-1)?.offset ?? 0n) + 1n;
    const found = await read(topic, partition, together[0]?.offset ?? 0n, end);
    expect(found).toEqual(values);
  });

  it.each([['answer' as const], ['request' as const]])(
    'loses the %s of a Produce for several partitions of several topics: each keeps its order, and repeats nothing',
    async (loss) => {
      const topics = counterTopics.slice(0, 2).map(({ name }) => settings.prefix + name);
      const places = topics.flatMap((topic) => [4, 6, 7].map((partition) => ({ topic, partition })));
      const appender = new OrderedAppender(settings, { deadlineMs: 10_000 });
      const appendToAll = async (values: readonly string[]) =>
        await Promise.all(
          places.map(async ({ topic, partition }) => {
            const appended = values.map(async (value) => await appender.append(topic, partition, { key: 'k', value }));
            return (await Promise.all(appended)).map(({ offset }) => offset);
          }),
        );
      await appendToAll([randomUUID()]);
      const lost = proxy.lose(loss, 'Produce');
      const [first, second] = [Array.from({ length: 3 }, () => randomUUID()), [randomUUID()]];
      const offsets = await Promise.all([appendToAll(first), appendToAll(second)]);
      await lost;
      await appender.close();
      for (const [at, { topic, partition }] of places.entries()) {
        const [from = 0n, ...rest] = offsets.flatMap((each) => each[at] ?? []);
        expect(rest).toEqual([from + 1n, from + 2n, from + 3n]);
        expect(await read(topic, partition, from, from + 4n)).toEqual([...first, ...second]);
      }
    },
  );

  it('refuses a record that the broker does not take, and takes the next', async () => {
    // A topic that nobody reads, since what fits is no record of ours.
    await ensureTopics(settings, [activityTopic], { replicationFactor: 1, minInSyncReplicas: 1 });
    const topic = settings.prefix + activityTopic.name;
    const appender = new OrderedAppender(settings, { deadlineMs: 30_000 });
    const [broken, beside] = await Promise.allSettled([
      appender.append(topic, 6, { key: 'k', value: 'x'.repeat(1_200_000) }),
      // In the same request, and answered for itself.
      appender.append(topic, 7, { key: 'k', value: 'fits' }),
    ]);
    expect(beside).toEqual({ status: 'fulfilled', value: { offset: 0n } });
    // Unresolved, where a first answer was lost on a machine that is busy: the refusal of a resend does not speak for it.
    const code: unknown =
      broken.status === 'rejected' && broken.reason instanceof Error && Reflect.get(broken.reason, 'code');
    expect(['not-appended', 'append-unresolved']).toContain(code);
    const after = await appender.append(topic, 6, { key: 'k', value: 'fits' });
    expect(after.offset).toBe(0n);
    await appender.close();
  });

  it('tells a caller at its deadline that nothing is in the log, when no broker answers', async () => {
    const away = { ...settings, brokers: [`127.0.0.1:${String(await freePort())}`] };
    const appender = new OrderedAppender(away, { deadlineMs: 300 });
    const appends = ['a', 'b', 'c'].map((value) => appender.append('lost.any', 0, { key: 'k', value }));
    for (const append of appends) await expect(append).rejects.toBeInstanceOf(NotAppended);
    await appender.close();
  });

  it('reads what is assigned while the broker keeps a fetch, and closes while it keeps another', async () => {
    const topic = `${settings.prefix}${counterTopics[0]?.name ?? ''}`;
    const appender = new OrderedAppender(settings, { deadlineMs: 10_000 });
    const { offset } = await appender.append(topic, 2, { key: 'k', value: 'there already' });
    await appender.close();
    await writer.close(); // whose fetches would be kept
    await sender.close();
    const seen = Promise.withResolvers<string[]>();
    const reader = new PartitionReader(settings, {
      isolation: 'uncommitted',
      onSlice: ({ records }) => seen.resolve(records.map(({ value }) => value.toString('utf8'))),
      onFailure: seen.reject,
    });
    const kept = proxy.hold('Fetch');
    reader.assign(topic, 1, 0n);
    await kept;
    reader.assign(topic, 2, offset);
    expect(await seen.promise).toEqual(['there already']);
    void proxy.hold('Fetch');
    await reader.close();
  });

  /** Everything between two offsets, committed or not. */
  const read = async (topic: string, partition: number, from: bigint, end: bigint): Promise<string[]> => {
    const values: string[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const reader = new PartitionReader(settings, {
      isolation: 'uncommitted',
      onSlice: ({ records, nextOffset }) => {
        values.push(...records.map(({ value }) => value.toString('utf8')));
        if (nextOffset >= end) resolve();
      },
      onFailure: reject,
    });
    reader.assign(topic, partition, from);
    await promise;
    await reader.close();
    return values;
  };
});
