import { channels } from '#contracts';
import { LogEnds, LogScanner, type LogSettings, showRecord, showTopics } from '#event-log';
import { BrokerConfig, ConfigError, loadSections } from '#host';
import { Failure, NotUnderstood } from '../failure.js';
import type { LogSource } from './log-source.js';

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * The log as the brokers have it, without a Gatehouse between. Who asks, and how the brokers are reached, is said by the
 * settings that services have for it (docs/configuration.md): TLS and a principal, unless `GATEHOUSE_DEV` is 1.
 *
 * @param list   the brokers, separated by commas
 * @param prefix what stands before each topic there
 * @throws NotUnderstood where these settings have a fault
 */
export function atBrokers(
  list: string,
  prefix: string,
  environment: Readonly<Record<string, string | undefined>>,
): LogSource {
  const settings: LogSettings = {
    ...connection({ ...environment, KAFKA_BROKERS: list }),
    clientId: 'gatehouse-cli',
    prefix,
    sink: quiet,
  };
  const { brokers } = settings;
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

function connection(environment: Readonly<Record<string, string | undefined>>) {
  try {
    // Whoever looks is none of the services.
    return loadSections({ name: 'log inspect', defaultPort: 0 }, [BrokerConfig], environment)
      .get(BrokerConfig)
      .connection();
  } catch (error) {
    if (error instanceof ConfigError) throw new NotUnderstood(error.message, { cause: error });
    throw error;
  }
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
