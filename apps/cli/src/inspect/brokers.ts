import { channels } from '#contracts';
import { LogEnds, LogScanner, type LogSettings, showRecord, showTopics } from '#event-log';
import { Failure } from '../failure.js';
import type { LogSource } from './log-source.js';

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** The log as the brokers have it, without a Gatehouse between. */
export function atBrokers(brokers: readonly string[], prefix: string): LogSource {
  const settings: LogSettings = { brokers, clientId: 'gatehouse-cli', prefix, sink: quiet };
  return {
    topics: () =>
      asked(brokers, async () => {
        const ends = new LogEnds(settings);
        try {
          return await showTopics(
            ends,
            channels.map(({ topic }) => topic),
          );
        } finally {
          await ends.close();
        }
      }),
    records: ({ topic, partition, offset }, limit) =>
      asked(brokers, async () => {
        const scanner = new LogScanner(settings);
        try {
          const records = await scanner.read({ topic, partition, from: BigInt(offset), limit });
          return records.map((record) => ({ topic, ...showRecord(record) }));
        } finally {
          await scanner.close();
        }
      }),
  };
}

async function asked<T>(brokers: readonly string[], ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw new Failure(
      `The log cannot be read at ${brokers.join(', ')}: ${error instanceof Error ? error.message : ''}`,
      {
        cause: error,
      },
    );
  }
}
