import {
  callsTo,
  cuttableProxy,
  type CuttableProxy,
  freePort,
  kafkaRelay,
  type KafkaRelay,
  testAuthorizationOf,
  type TestApp,
  type TestAuthorization,
} from '#testing';
import { type ServiceProcess, startServiceProcess } from './service-process.js';

/**
 * Two instances of the token service, each a process, behind one address that leads to one of them. The first has ways to
 * Kafka and to Postgres of its own, which a test can block.
 */
export class TokenPair {
  /** What those have logged that were killed. */
  private readonly gone: string[] = [];

  private constructor(
    /** What browsers and applications do at the one address. */
    readonly server: TestAuthorization,
    /** The first one's way to Kafka. */
    readonly kafka: KafkaRelay,
    /** The first one's way to Postgres. */
    readonly postgres: CuttableProxy,
    private readonly front: Front,
    private readonly instances: { first: ServiceProcess; readonly second: ServiceProcess },
    private readonly startFirst: () => Promise<ServiceProcess>,
  ) {}

  /** Starts both, the first in front. */
  static async start(): Promise<TokenPair> {
    const { promise: built, resolve } = Promise.withResolvers<(server: TestAuthorization) => TokenPair>();
    const server = await testAuthorizationOf(async ({ own, issuer, upstream }) => {
      const { brokers, databaseUrl } = own;
      const database = new URL(databaseUrl);
      const [kafka, postgres, front] = await Promise.all([
        kafkaRelay(brokers),
        cuttableProxy({ host: database.hostname, port: Number(database.port) }),
        Front.start(),
      ]);
      const environment = {
        KAFKA_TOPIC_PREFIX: own.prefix,
        FHIR_UPSTREAM_URL: upstream.url,
        PUBLIC_URL: front.url,
        IDENTITY_ISSUER: issuer.issuer,
        IDENTITY_AUDIENCE: issuer.audience,
        DATABASE_POOL: '12',
        LOG_LEVEL: 'debug',
      };
      const through = new URL(databaseUrl);
      through.host = `127.0.0.1:${String(postgres.port)}`;
      const startFirst = async (): Promise<ServiceProcess> =>
        startServiceProcess('token', await freePort(), {
          ...environment,
          KAFKA_BROKERS: kafka.brokers,
          DATABASE_URL: through.href,
        });
      // One after the other: the first one's migrations are there when the second looks.
      const first = await startFirst();
      const direct = { ...environment, KAFKA_BROKERS: brokers, DATABASE_URL: databaseUrl };
      const second = await startServiceProcess('token', await freePort(), direct);
      await front.leadTo(first.port);
      const instances = { first, second };
      resolve((of) => new TokenPair(of, kafka, postgres, front, instances, startFirst));
      const close = async (): Promise<void> => {
        await Promise.all([instances.first.stop(), instances.second.stop()]);
        await Promise.all([front.close(), postgres.close(), kafka.close()]);
      };
      return { url: front.url, call: callsTo(front.url), close };
    });
    return (await built)(server);
  }

  /** All that any of them has logged, in its fullest words. */
  said(): string {
    return [...this.gone, this.instances.first.said(), this.instances.second.said()].join('');
  }

  /** Whoever calls from now on is answered by this one. */
  async leadTo(which: 'first' | 'second'): Promise<void> {
    await this.front.leadTo(this.instances[which].port);
  }

  /** Ends the first with `kill -9`; callers are led to the second. */
  async killFirst(): Promise<void> {
    await this.instances.first.kill();
    this.gone.push(this.instances.first.said());
    await this.leadTo('second');
  }

  /** Starts another in the place of the first. */
  async restartFirst(): Promise<void> {
    this.instances.first = await this.startFirst();
  }

  /** Waits until both know of an application that was approved. */
  async known({ client: { clientId } }: TestApp): Promise<void> {
    const { first, second } = this.instances;
    for (const { url } of [first, second]) {
      const asked = async (): Promise<boolean> =>
        (await (await fetch(`${url}/oauth/authorize?client_id=${clientId}`)).text()).includes('invalid_client');
      while (await asked()) await new Promise((resolve) => setTimeout(resolve, 20)); // nobody tells
    }
  }
}

/** One address, and the port that it leads to. */
class Front {
  private constructor(
    private readonly target: { readonly host: string; port: number },
    private readonly proxy: CuttableProxy,
  ) {}

  static async start(): Promise<Front> {
    const target = { host: '127.0.0.1', port: 0 };
    return new Front(target, await cuttableProxy(target));
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.proxy.port)}`;
  }

  async leadTo(port: number): Promise<void> {
    if (this.target.port === port) return;
    this.target.port = port;
    await this.proxy.cut();
    await this.proxy.restore();
  }

  async close(): Promise<void> {
    await this.proxy.close();
  }
}
