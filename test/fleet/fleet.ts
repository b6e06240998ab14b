import { request } from 'node:http';
import { randomUUID } from 'node:crypto';
import {
  activityTopic,
  approval,
  enforcementTopic,
  PARTITIONS,
  registration,
  token as tokenContext,
  topicsOf,
} from '#contracts';
import { ensureTopics, LogEnds, OrderedAppender } from '#event-log';
import {
  freePort,
  kafkaRelay,
  type KafkaRelay,
  LogSeed,
  SeededApplication,
  testClient,
  testIssuer,
  type TestIssuer,
} from '#testing';
import { settingsFor } from '../faults/counter-load.js';
import { type ServiceProcess, startServiceProcess } from './service-process.js';
import { type SlowUpstream, slowUpstream } from './slow-upstream.js';

/** What registration answers to a closure (api.md, Resources). */
export interface Receipt {
  readonly applicationId: string;
  readonly decidedAt: string;
  readonly position: string;
  readonly enforcedAt: string;
  readonly enforcementPoints: readonly { readonly id: string; readonly kind: string; readonly appliedAt: string }[];
  readonly outstanding: readonly { readonly id: string }[];
  readonly inFlightWrites: number;
  readonly elapsedMs: number;
}

/** An approved application with a token of its own. */
export interface FleetApplication {
  readonly id: string;
  /** As it was issued when the application was approved. */
  readonly token: string;
  /** Another, issued after so many closures. */
  tokenOfEpoch(epoch: number): Promise<string>;
}

/** A gateway with a way to Kafka of its own. */
export interface FleetGateway {
  readonly process: ServiceProcess;
  readonly relay: KafkaRelay;
}

/** Settings of a gateway, for a FHIR server at this URL. */
type EndpointsFile = (upstreamUrl: string) => Readonly<Record<string, string>>;

interface FleetOptions {
  readonly gateways: number;
  readonly applications: number;
  /** In the place of one endpoint without more. */
  readonly endpointsOf?: EndpointsFile;
}

/** Registration and gateways, each a process, before a slow FHIR server, and applications that may call it. */
export class Fleet {
  readonly gateways: FleetGateway[] = [];
  #registration: ServiceProcess | undefined;

  private constructor(
    readonly own: { readonly brokers: string; readonly prefix: string; readonly databaseUrl: string },
    readonly applications: readonly FleetApplication[],
    readonly upstream: SlowUpstream,
    private readonly issuer: TestIssuer,
    private readonly publicUrl: string,
    private readonly endpointsOf: EndpointsFile | undefined,
  ) {}

  /** Starts registration and `gateways` gateways, with so many applications approved before. */
  static async start(own: Fleet['own'], { gateways, applications, endpointsOf }: FleetOptions): Promise<Fleet> {
    const [upstream, issuer, port] = await Promise.all([slowUpstream(), testIssuer(), freePort()]);
    const publicUrl = `http://127.0.0.1:${port}`;
    const seeded = await seedApplications(own, applications);
    const withTokens = await Promise.all(
      seeded.map(async (application) => ({
        id: application.id,
        token: await tokenOf(application, 0, issuer, publicUrl),
        tokenOfEpoch: (epoch: number) => tokenOf(application, epoch, issuer, publicUrl),
      })),
    );
    const fleet = new Fleet(own, withTokens, upstream, issuer, publicUrl, endpointsOf);
    fleet.#registration = await startServiceProcess('registration', port, fleet.#environment(own.brokers));
    await Promise.all(Array.from({ length: gateways }, () => fleet.addGateway()));
    await untilApprovalsAreFollowed(own, applications);
    return fleet;
  }

  get registration(): ServiceProcess {
    if (!this.#registration) throw new Error('not started');
    return this.#registration;
  }

  /** Another gateway, ready to let calls in. */
  async addGateway(): Promise<FleetGateway> {
    const [relay, port] = await Promise.all([kafkaRelay(this.own.brokers), freePort()]);
    const process = await startServiceProcess('gateway', port, {
      ...this.#environment(relay.brokers),
      ...(this.endpointsOf ? this.endpointsOf(this.upstream.url) : { FHIR_UPSTREAM_URL: this.upstream.url }),
      // Of one application half may be under way: 200 slow calls, and the load beside them.
      GATEWAY_UPSTREAM_CONNECTIONS: '512',
      // Until all of them are under way none may end for being slow, on whatever machine.
      GATEWAY_UPSTREAM_TIMEOUT: '120',
      GATEWAY_JWKS_URL: `${this.issuer.issuer}/jwks`,
    });
    const gateway = { process, relay };
    this.gateways.push(gateway);
    return gateway;
  }

  /** The one that has been there longest is killed (`kill -9`). */
  async killGateway(): Promise<void> {
    const gateway = this.gateways.shift();
    await gateway?.process.kill();
    await gateway?.relay.close();
  }

  /** The one that has been there longest stops in order. */
  async removeGateway(): Promise<void> {
    const gateway = this.gateways.shift();
    await gateway?.process.stop();
    await gateway?.relay.close();
  }

  /**
   * Suspends, reinstates or revokes through REST.
   *
   * @param onAnswer called in the tick in which the head of the answer is read: by then it has left registration
   */
  async close(
    { id }: FleetApplication,
    how: 'suspension' | 'reinstatement' | 'revocation',
    onAnswer: () => void = () => undefined,
  ): Promise<Receipt> {
    const { authorization } = await this.issuer.bearer('operator', 'operator');
    const body = JSON.stringify({ reason: 'a test of receipts' });
    const { promise, resolve, reject } = Promise.withResolvers<Receipt>();
    const asked = request(
      `${this.registration.url}/registration/applications/${id}/${how}`,
      {
        method: 'POST',
        headers: {
          authorization,
          'content-type': 'application/json',
          'content-length': body.length,
          'idempotency-key': randomUUID(),
        },
      },
      (response) => {
        onAnswer();
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.once('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text) as Receipt);
          else reject(new Error(`${how}: ${response.statusCode} ${text}`));
        });
      },
    );
    asked.once('error', reject);
    asked.end(body);
    return await promise;
  }

  async stop(): Promise<void> {
    await Promise.all([
      this.#registration?.stop(),
      ...this.gateways.map(async ({ process, relay }) => {
        await process.stop();
        await relay.close();
      }),
    ]);
    await Promise.all([this.upstream.close(), this.issuer.close()]);
  }

  #environment(brokers: string): Record<string, string> {
    return {
      KAFKA_BROKERS: brokers,
      KAFKA_TOPIC_PREFIX: this.own.prefix,
      DATABASE_URL: this.own.databaseUrl,
      PUBLIC_URL: this.publicUrl,
      IDENTITY_ISSUER: this.issuer.issuer,
      IDENTITY_AUDIENCE: this.issuer.audience,
    };
  }
}

/** The events that the services would have written, each caused by the first command of its partition. */
async function seedApplications(own: Fleet['own'], count: number): Promise<SeededApplication[]> {
  const settings = settingsFor(own.brokers, own.prefix);
  const contexts = [registration, approval, tokenContext].map(topicsOf);
  const topics = contexts.flatMap(({ commands, events, outcomes }) => [commands, events, outcomes]);
  await ensureTopics(settings, [...topics, activityTopic, enforcementTopic], {
    replicationFactor: 1,
    minInSyncReplicas: 1,
  });
  const commands = new OrderedAppender(settings, { deadlineMs: 10_000 });
  const seed = new LogSeed(settings);
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  await Promise.all(
    partitions.map((partition) =>
      commands.append(own.prefix + topicsOf(registration).commands.name, partition, { key: 'seed', value: '{}' }),
    ),
  );
  const client = await testClient();
  const applications = Array.from(
    { length: count },
    (_, index) =>
      new SeededApplication(
        seed,
        { ...client, clientId: randomUUID() },
        { partition: index % PARTITIONS, commandOffset: 0n },
      ),
  );
  await Promise.all(
    applications.map(async (application) => {
      await application.registered();
      await application.approved(['system/*.rs']);
    }),
  );
  await Promise.all([seed.close(), commands.close()]);
  return applications;
}

/** Registration follows each approval with a command that has nothing to change any more; waits until all are there. */
async function untilApprovalsAreFollowed(own: Fleet['own'], count: number): Promise<void> {
  const ends = new LogEnds(settingsFor(own.brokers, own.prefix));
  const { name, partitions } = topicsOf(registration).commands;
  for (;;) {
    const commands = (await ends.endsOf([{ topic: name, partitions }])).get(name) ?? [];
    if (commands.reduce((sum, end) => sum + end, 0n) >= BigInt(PARTITIONS + count)) break;
    await new Promise((resolve) => setTimeout(resolve, 100)); // nobody tells
  }
  await ends.close();
}

/** As the token service would sign it, for an hour. */
async function tokenOf(
  { id, client }: SeededApplication,
  epoch: number,
  issuer: TestIssuer,
  publicUrl: string,
): Promise<string> {
  return await issuer.token({
    iss: publicUrl,
    aud: `${publicUrl}/fhir`,
    exp: Math.floor(Date.now() / 1_000) + 3_600,
    sub: client.clientId,
    client_id: client.clientId,
    jti: randomUUID(),
    scope: 'system/*.rs',
    gatehouse_application: id,
    gatehouse_approval_version: 1,
    gatehouse_epoch: epoch,
  });
}
