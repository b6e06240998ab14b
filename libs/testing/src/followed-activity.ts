import type { ActivityEntry } from '#contracts';
import { activitySource, LogTail, type LogSettings, type NextOffsets } from '#event-log';

/** What stands in the topic of activity, growing as it does. */
export interface FollowedActivity {
  readonly records: readonly ActivityEntry[];
  /** Resolves when all before these offsets is there. */
  until(offsets: NextOffsets): Promise<void>;
  close(): Promise<void>;
}

/** Follows it from its start; resolves when all is there that stands in it now. */
export async function followActivity(settings: LogSettings): Promise<FollowedActivity> {
  const records: ActivityEntry[] = [];
  const tail = new LogTail(settings, {
    sources: [activitySource],
    from: 'start',
    onBatch: (entries) => void records.push(...entries.map(({ event }) => event)),
    onFailure: (error) => {
      throw error;
    },
  });
  await tail.start();
  return { records, until: async (offsets) => void (await tail.until(offsets)), close: () => tail.close() };
}
