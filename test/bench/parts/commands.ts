import { randomUUID } from 'node:crypto';
import { bodyDigest, commandId, mintId } from '#contracts';
import { CommandSender, ContextWriter, ensureTopics, type NewCommand } from '#event-log';
import { counter, counterDecider, counterTopics } from '#testing';
import { type BenchPart, fail, spread } from '../bench.js';
import { serversProcessorTime, serversTook } from '../processor-time.js';

/** One measurement: commands a second, and how long a caller waited, in milliseconds. */
interface Figure {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Processor time of this process (callers, writer and encoding) per command, in microseconds. */
  readonly cpuMicros: number;
}

const SECONDS = 8;
const RUNS = 3;

export const part: BenchPart = {
  title: 'commands through the event-log port: appended, decided, committed with their events, answered',
  async run({ settings, print }) {
    await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
    const sender = new CommandSender(settings, counter, fail);
    const writer = new ContextWriter(settings, counterDecider, fail);
    await sender.start();
    void writer.start();
    const subjects = Array.from({ length: 256 }, (_, index) => mintId(index % 8));
    await Promise.all(
      subjects.map((subject) => sender.send({ ...add(subject), type: 'open', data: {} }, { waitMs: 30_000 })),
    );
    for (const callers of [1, 64, 256]) {
      await measure(sender, subjects, callers, 2);
      const figures: Figure[] = [];
      const servers = serversProcessorTime();
      for (let run = 0; run < RUNS; run++) figures.push(await measure(sender, subjects, callers, SECONDS));
      const commands = figures.reduce((sum, { perSecond }) => sum + perSecond * SECONDS, 0);
      const of = (name: keyof Figure): string => spread(figures.map((figure) => figure[name]));
      print(
        `${callers} callers: ${of('perSecond')} commands/s, p50 ${of('p50')} ms, p99 ${of('p99')} ms, CPU a command: ${of('cpuMicros')} µs of the process, ${serversTook(servers, serversProcessorTime(), commands)}`,
      );
    }
    await writer.close();
    await sender.close();
  },
};

async function measure(
  sender: CommandSender<typeof counter>,
  subjects: readonly string[],
  callers: number,
  seconds: number,
): Promise<Figure> {
  const waits: number[] = [];
  const until = performance.now() + seconds * 1_000;
  const before = process.cpuUsage();
  await Promise.all(
    Array.from({ length: callers }, async (_, index) => {
      const subject = subjects[index % subjects.length] ?? '';
      for (let from = performance.now(); from < until; from = performance.now()) {
        const answer = await sender.send(add(subject), { waitMs: 30_000 });
        if (answer.status !== 'succeeded') throw new Error(`a command was ${answer.status}`);
        waits.push(performance.now() - from);
      }
    }),
  );
  const { user, system } = process.cpuUsage(before);
  waits.sort((a, b) => a - b);
  const at = (share: number): number => waits[Math.floor(waits.length * share)] ?? Number.NaN;
  return {
    perSecond: waits.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    cpuMicros: (user + system) / waits.length,
  };
}

function add(subject: string): NewCommand<typeof counter> {
  const id = commandId('bench', 'POST', `/counters/${subject}`, randomUUID());
  return {
    type: 'add',
    data: { amount: 1 },
    subject,
    id,
    actor: 'bench',
    correlationId: id,
    bodyDigest: bodyDigest({ amount: 1 }),
  };
}
