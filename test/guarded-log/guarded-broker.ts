import type { LogSettings, LogSink } from '#event-log';
import { testAuthority, type TestAuthority } from '#testing';
import { startBroker } from '../../scripts/infrastructure/kafka.mjs';

/** A broker with TLS, SCRAM users and ACLs, as in production, of a test's own. */
export interface GuardedBroker {
  readonly brokers: string;
  readonly authority: TestAuthority;
  /** How a process reaches the broker as one of its users; another password than the user's may be given. */
  settingsOf(user: string, password?: string): LogSettings;
  /** What a process of ours is given to be that user. */
  environmentOf(user: string): Record<string, string>;
  /** The end of the broker's own log, where its authorizer says whom it refused. */
  saidByBroker(): string;
  stop(): Promise<void>;
}

/** May do everything, as operators who apply ACLs. */
export const OPERATOR = 'operator';

const silent = (): void => undefined;
const sink: LogSink = { debug: silent, info: silent, warn: silent, error: silent };

/** Starts one with the given users besides the operator. */
export async function guardedBroker(users: readonly string[]): Promise<GuardedBroker> {
  const authority = testAuthority();
  const passwordOf = (user: string): string => `the password of ${user}`.replaceAll(' ', '-');
  const broker = await startBroker({
    security: {
      ...authority.issue('broker'),
      users: Object.fromEntries([...users, OPERATOR].map((user) => [user, passwordOf(user)])),
      superUsers: [OPERATOR],
    },
  });
  return {
    brokers: broker.brokers,
    authority,
    settingsOf: (user, password = passwordOf(user)) => ({
      brokers: broker.brokers.split(','),
      clientId: user,
      prefix: '',
      sink,
      ssl: { ca: authority.ca },
      sasl: { mechanism: 'scram-sha-512', username: user, password },
    }),
    environmentOf: (user) => ({
      KAFKA_BROKERS: broker.brokers,
      KAFKA_TLS: '1',
      KAFKA_TLS_CA: authority.ca,
      KAFKA_SASL_USERNAME: user,
      KAFKA_SASL_PASSWORD: passwordOf(user),
    }),
    saidByBroker: () => broker.nodes[0]?.lastWords() ?? '',
    stop: () => broker.stop(),
  };
}
