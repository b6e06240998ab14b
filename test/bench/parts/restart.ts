import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { bodyDigest, commandId, ContextCodec, mintId, OutcomeCodec, PARTITIONS, topicsOf } from '#contracts';
import { CommandSender, ContextWriter, ensureTopics, type NewCommand, type Snapshots } from '#event-log';
import { counter, counterDecider, counterTopics } from '#testing';
import { type Bench, type BenchPart, fail } from '../bench.js';
import { fillLog } from '../fill-log.js';
import { heapMegabytes, keptSnapshots } from '../kept-snapshots.js';

const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 1_000_000);
/** What an application collects in a few years. */
const EVENTS_EACH = 10;
const OUTCOMES_KEPT_MS = 9 * 86_400_000;
const PATIENCE_MS = 300_000;

export const part: BenchPart = {
  title: `a restart of a context with ${EVENTS} events and their outcomes of nine days, until a command is decided`,
  async run(bench) {
    const { settings, print } = bench;
    await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
    const subjects = await seed(bench);
    const kept = await keptSnapshots(bench);

    print(`without a snapshot: ${await restart(bench, subjects)}`);
    const { snapshots, written } = kept.writing(PARTITIONS, 1);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    await restart(bench, subjects, snapshots, async () => {
      delay.enable();
      const from = performance.now();
      await written;
      delay.disable();
      const size = (await kept.size()).toFixed(0);
      print(
        `${PARTITIONS} snapshots, ${size} MB, written beside other work in ${secondsSince(from)} s; the event loop was held up for at most ${(delay.max / 1e6).toFixed(0)} ms (p99 ${(delay.percentile(99) / 1e6).toFixed(0)} ms)`,
      );
    });
    for (let run = 0; run < 3; run++) print(`with a snapshot: ${await restart(bench, subjects, kept.asTheyAre)}`);
    await kept.close();
  },
};

/**
 * Starts what decides and what asks, as a process does, and asks a command of every partition. `meanwhile` runs before
 * they are stopped.
 */
async function restart(
  { settings }: Bench,
  subjects: readonly string[],
  snapshots?: Snapshots,
  meanwhile?: () => Promise<void>,
): Promise<string> {
  const heap = heapMegabytes();
  const from = performance.now();
  const writer = new ContextWriter(settings, counterDecider, fail, snapshots);
  const sender = new CommandSender(settings, counter, fail);
  void writer.start();
  const listening = sender.start();
  await listening;
  const followed = secondsSince(from);
  const decided = await Promise.all(
    subjects.map(async (subject) => {
      const answer = await sender.send(add(subject), { waitMs: PATIENCE_MS });
      if (answer.status !== 'succeeded' || answer.version <= EVENTS_EACH) throw new Error('a wrong answer');
      return secondsSince(from);
    }),
  );
  await meanwhile?.();
  const held = (heapMegabytes() - heap).toFixed(0);
  await writer.close();
  await sender.close();
  return `outcomes followed after ${followed} s, first command decided after ${decided.sort()[0]} s, in every partition after ${decided.at(-1)} s; ${held} MB of heap`;
}

/** Writes the log; gives one aggregate of every partition. */
async function seed({ settings, print }: Bench): Promise<string[]> {
  const from = performance.now();
  const { commands, events, outcomes } = topicsOf(counter);
  const codec = new ContextCodec(counter);
  const outcomeCodec = new OutcomeCodec(counter.context);
  const perPartition = EVENTS / PARTITIONS;
  const asked: string[] = [];
  await fillLog(settings, PARTITIONS, function* (partition) {
    const subjects = Array.from({ length: perPartition / EVENTS_EACH }, () => mintId(partition));
    asked.push(subjects[0] ?? '');
    // The command that all of this answers: a writer goes on behind it.
    yield { topic: commands.name, key: 'seed', value: '{}' };
    for (let index = 0; index < perPartition; index++) {
      const version = Math.floor(index / subjects.length) + 1;
      const subject = subjects[index % subjects.length] ?? '';
      const time = new Date(Date.now() - OUTCOMES_KEPT_MS * (1 - index / perPartition)).toISOString();
      const command = add(subject);
      const about = { subject, actor: 'bench', correlationId: command.id, causationId: command.id };
      yield {
        topic: events.name,
        key: subject,
        value: codec.encodeEvent(
          version === 1 ? { type: 'opened', data: {} } : { type: 'added', data: { amount: 1 } },
          { ...about, id: mintId(partition), time, version, commandOffset: 0n },
        ),
      };
      yield {
        topic: outcomes.name,
        key: subject,
        value: outcomeCodec.encode(
          {
            commandId: command.id,
            status: 'succeeded',
            version,
            offset: String(index),
            bodyDigest: command.bodyDigest,
            resource: { total: version },
          },
          {
            id: randomUUID(),
            time,
            commandOffset: 0n,
            command: { ...about, id: command.id },
          },
        ),
      };
    }
  });
  print(`the log was filled in ${secondsSince(from)} s`);
  return asked;
}

function secondsSince(from: number): string {
  return ((performance.now() - from) / 1_000).toFixed(2).padStart(5);
}

function add(subject: string): NewCommand<typeof counter> {
  const id = commandId('bench', 'POST', `/counters/${subject}`, randomUUID());
  const data = { amount: 1 };
  return { type: 'add', data, subject, id, actor: 'bench', correlationId: id, bodyDigest: bodyDigest(data) };
}
