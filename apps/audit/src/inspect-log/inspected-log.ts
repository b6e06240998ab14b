import { channels } from '#contracts';
import { LogEnds, LogScanner, type LogSettings, showRecord, type ShownRecord, showTopics } from '#event-log';
import { decodeCursor, encodeCursor, LOG_SETTINGS, malformed, type Page, unavailable } from '#host';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';

const topics = channels.map(({ topic }) => topic);

/** What the brokers say of the log. Throws a 503 problem while they cannot be asked. */
@Injectable()
export class InspectedLog implements OnModuleDestroy {
  private readonly ends: LogEnds;
  private readonly scanner: LogScanner;

  constructor(@Inject(LOG_SETTINGS) settings: LogSettings) {
    this.ends = new LogEnds(settings);
    this.scanner = new LogScanner(settings);
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.ends.close(), this.scanner.close()]);
  }

  /** Every topic with the ends of its partitions. */
  async topics() {
    return await asked(() => showTopics(this.ends, topics));
  }

  /** Committed records of a partition from an offset on. */
  async records(at: {
    readonly topic: string;
    readonly partition: number;
    readonly from: number;
    readonly limit: number;
    readonly cursor?: string;
  }): Promise<Page<ShownRecord & { readonly topic: string }>> {
    const { topic, partition, limit } = at;
    const from = at.cursor === undefined ? at.from : Number(decodeCursor(at.cursor, ['number'])[0]);
    if (!Number.isSafeInteger(from) || from < 0)
      throw malformed('The cursor is not one of this list.', [{ pointer: '/cursor', detail: 'names no offset' }]);
    const records = await asked(() => this.scanner.read({ topic, partition, from: BigInt(from), limit: limit + 1 }));
    const shown = records.slice(0, limit);
    const next = records[limit];
    return {
      items: shown.map((record) => ({ ...showRecord(record), topic })),
      ...(next === undefined ? {} : { next: encodeCursor([Number(next.offset)]) }),
    };
  }
}

async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw unavailable('The log cannot be read now.', 2, error);
  }
}
