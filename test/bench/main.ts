import { randomBytes, randomUUID } from 'node:crypto';
import { cpus, totalmem } from 'node:os';
import { bodyDigest, commandId, mintId } from '#contracts';
import { CommandSender, ContextWriter, ensureTopics, type LogSettings, type NewCommand } from '#event-log';
import { counter, counterDecider, counterTopics } from '#testing';

/** One measurement: commands a second, and how long a caller waited, in milliseconds. */
interface Figure {
  readonly callers: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Processor time of this process (callers, writer and encoding) per command, in microseconds. */
  readonly cpuMicros: number;
}

const SECONDS = 8;
const RUNS = 3;

const brokers = process.env['KAFKA_BROKERS'];
if (brokers === undefined) throw new Error('run it by `npm run bench`');
const silent = (): void => undefined;
const settings: LogSettings = {
  brokers: brokers.split(','),
  clientId: 'bench',
  prefix: `bench${randomBytes(4).toString('hex')}.`,
  sink: { debug: silent, info: silent, warn: silent, error: silent },
};
const fail = (error: unknown): never => {
  throw error;
};

await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
const sender = new CommandSender(settings, counter, fail);
const writer = new ContextWriter(settings, counterDecider, fail);
await sender.start();
writer.start();
const subjects = Array.from({ length: 256 }, (_, index) => mintId(index % 8));
await Promise.all(
  subjects.map((subject) => sender.send({ ...add(subject), type: 'open', data: {} }, { waitMs: 30_000 })),
);

print(`Commands through the event-log port: appended, decided, committed with their events, answered.`);
print(
  `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}; callers, writers and broker on the same machine`,
);
for (const callers of [1, 64, 256]) {
  await measure(callers, 2);
  const figures: Figure[] = [];
  for (let run = 0; run < RUNS; run++) figures.push(await measure(callers, SECONDS));
  print(
    `${callers} callers: ${spread(figures, 'perSecond')} commands/s, p50 ${spread(figures, 'p50')} ms, p99 ${spread(figures, 'p99')} ms, CPU ${spread(figures, 'cpuMicros')} µs a command`,
  );
}
await writer.close();
await sender.close();

async function measure(callers: number, seconds: number): Promise<Figure> {
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
    callers,
    perSecond: waits.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    cpuMicros: (user + system) / waits.length,
  };
}

/** The median of the runs, and the least and most of them. */
function spread(figures: readonly Figure[], name: keyof Figure): string {
  const sorted = figures.map((figure) => figure[name]).sort((a, b) => a - b);
  const show = (value: number | undefined): string => (value === undefined ? '?' : value.toFixed(value < 100 ? 1 : 0));
  return `${show(sorted[Math.floor(sorted.length / 2)])} (${show(sorted[0])} to ${show(sorted.at(-1))})`;
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

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
