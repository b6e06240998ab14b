import { OrderedAppender, type LogSettings } from '#event-log';

/** Small enough to be held in memory, large enough that nobody waits for acknowledgements. */
const AHEAD = 4_000;

/** Appends what `records` gives for each partition, in order, as fast as the broker takes it. Topics without prefix. */
export async function fillLog(
  settings: LogSettings,
  partitions: number,
  records: (partition: number) => Iterable<{ readonly topic: string; readonly key: string; readonly value: string }>,
): Promise<void> {
  const appender = new OrderedAppender(settings, { deadlineMs: 60_000 });
  await Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      let under: Promise<unknown>[] = [];
      for (const { topic, key, value } of records(partition)) {
        under.push(appender.append(settings.prefix + topic, partition, { key, value }));
        if (under.length < AHEAD) continue;
        await Promise.all(under);
        under = [];
      }
      await Promise.all(under);
    }),
  );
  await appender.close();
}
