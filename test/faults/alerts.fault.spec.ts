import {
  bodyDigest,
  commandId,
  enforcementTopic,
  mintId,
  registration as registrationContext,
  topicsOf,
} from '#contracts';
import { type CommandPort, ensureTopics, OrderedAppender } from '#event-log';
import { InjectCommands, provideCommands, provideWriter } from '#host';
import {
  counter,
  counterDecider,
  counterTopics,
  freePort,
  kafkaRelay,
  type KafkaRelay,
  LogSeed,
  quietLog,
  SeededApplication,
  startTestService,
  testClient,
  testIssuer,
  type TestIssuer,
  type TestService,
  testUpstream,
  type TestUpstream,
} from '#testing';
import { Injectable, Module } from '@nestjs/common';
import { gateway } from '../../apps/gateway/src/gateway.part.js';
import { registrationPart } from '../../apps/registration/src/registration.part.js';
import { AlertWatch } from '../alerts/alert-watch.js';
import { isolate, type Isolation } from '../environment/isolation.js';
import { settingsFor } from './counter-load.js';

@Injectable()
class Counters {
  constructor(@InjectCommands(counter) readonly commands: CommandPort<typeof counter>) {}
}

/** A context of tests, whose decider has a fault. */
@Module({ providers: [...provideCommands(counter), ...provideWriter(counterDecider), Counters] })
class CounterModule {}

describe('alerts, each raised by its fault at services that tell the metrics', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let upstream: TestUpstream;
  let toRegistration: KafkaRelay;
  let toGateway: KafkaRelay;
  let registration: TestService;
  let reading: TestService;
  let counters: TestService;
  let token: string;
  let watch: AlertWatch;

  beforeAll(async () => {
    const [isolation, port] = await Promise.all([isolate(), freePort()]);
    own = isolation;
    [issuer, upstream, toRegistration, toGateway] = await Promise.all([
      testIssuer(),
      testUpstream(),
      kafkaRelay(own.brokers),
      kafkaRelay(own.brokers),
    ]);
    const settings = settingsFor(own.brokers, own.prefix);
    await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
    const start = async (part: Parameters<typeof startTestService>[0], environment: Record<string, string>) =>
      await startTestService(part, {
        databaseUrl: own.databaseUrl,
        issuer,
        environment: { KAFKA_TOPIC_PREFIX: own.prefix, ...environment },
      });
    [registration, reading, counters] = await Promise.all([
      start(registrationPart, { KAFKA_BROKERS: toRegistration.brokers }),
      start(gateway, {
        KAFKA_BROKERS: toGateway.brokers,
        PORT: String(port),
        FHIR_UPSTREAM_URL: upstream.url,
        GATEWAY_JWKS_URL: `${issuer.issuer}/jwks`,
      }),
      start({ name: 'counters', defaultPort: 0, module: CounterModule }, { KAFKA_BROKERS: own.brokers }),
    ]);
    const seed = new LogSeed(settings);
    const application = new SeededApplication(seed, await testClient());
    await application.registered();
    await application.approved(['system/*.rs']);
    await seed.close();
    token = await issuer.token({
      iss: reading.url,
      aud: `${reading.url}/fhir`,
      sub: application.client.clientId,
      client_id: application.client.clientId,
      jti: 'token-1',
      scope: 'system/*.rs',
      gatehouse_application: application.id,
      gatehouse_approval_version: 1,
      gatehouse_epoch: 0,
    });
    while ((await read()) !== 200);
    watch = new AlertWatch({ registration: registration.url, gateway: reading.url, counters: counters.url });
    expect(await watch.settles()).toEqual([]);
  }, 90_000);

  afterAll(async () => {
    await Promise.all([registration, reading, counters].map((service) => service.close()));
    await Promise.all([toRegistration.close(), toGateway.close(), own.dispose(), issuer.close(), upstream.close()]);
  }, 60_000);

  const read = async (): Promise<number> =>
    (await reading.call('/fhir/Patient/p1', { headers: { authorization: `Bearer ${token}` } })).status;
  const register = async (key: string): Promise<number> =>
    (
      await registration.call('/registration/applications', {
        headers: { ...(await issuer.bearer('dana', 'developer')), 'idempotency-key': key },
        json: {
          name: 'Heart Diary',
          kind: 'backend',
          clientType: 'confidential-symmetric',
          scopes: ['system/Observation.rs'],
          purposesOfUse: [{ code: 'TREAT', justification: 'Alerts are tried.' }],
        },
      })
    ).status;

  it('a decision throws', async () => {
    const { commands } = counters.app.get(Counters);
    const subject = mintId(0);
    const send = async (body: { type: 'open'; data: object } | { type: 'add'; data: { amount: number } }) =>
      await commands.send({
        ...body,
        subject,
        id: commandId('me', 'POST', '/counters', body.type),
        actor: 'me',
        correlationId: 'test',
        bodyDigest: bodyDigest(body),
      });
    await send({ type: 'open', data: {} });
    expect(await send({ type: 'add', data: { amount: 666 } })).toMatchObject({ status: 'failed' });
    const { annotations } = await watch.fires('GatehouseCommandFailed', { context: 'counter' });
    expect(annotations['summary']).toBe('A writer of counter could not carry out a command.');
  });

  it('somebody writes to the log with the credentials of a service', async () => {
    const insider = new OrderedAppender(quietLog(own), { deadlineMs: 10_000 });
    const write = async (topic: string, partition: number) =>
      await insider.append(own.prefix + topic, partition, { key: 'somebody', value: '{}' });
    const { commands } = counters.app.get(Counters);
    const subject = mintId(3);
    const send = async (body: { type: 'open'; data: object } | { type: 'add'; data: { amount: number } }) =>
      await commands.send({
        ...{ ...body, subject, actor: 'me', correlationId: 'test', bodyDigest: bodyDigest(body) },
        id: commandId('me', 'POST', '/foreign', body.type),
      });
    await send({ type: 'open', data: {} });
    await write(topicsOf(counter).events.name, 3);
    await send({ type: 'add', data: { amount: 1 } });
    await watch.fires('GatehouseUnauthenticRecords', { record: 'foreign-records', instance: 'counters' });
    await write(topicsOf(registrationContext).commands.name, 0);
    await watch.fires('GatehouseUnauthenticRecords', { record: 'command-refused', instance: 'registration' });
    await write(enforcementTopic.name, 0);
    await watch.fires('GatehouseUnauthenticRecords', { record: 'report-refused', instance: 'registration' });
    await insider.close();
  }, 30_000);

  it('brokers are slow to acknowledge records', async () => {
    const slowRecord = async (): Promise<void> => {
      toGateway.set('acknowledgements-held');
      const answer = read();
      await new Promise((resolve) => setTimeout(resolve, 1_200)); // the fault itself: so long a broker takes
      toGateway.set('open');
      expect(await answer).toBe(200);
    };
    // What one brings is in the rule's five minutes for some looks.
    let looks = 0;
    const meanwhile = () => (looks++ % 3 === 0 ? slowRecord() : undefined);
    await watch.fires('GatehouseAuditSlow', { instance: 'gateway' }, { meanwhile });
  }, 30_000);

  it('something in the process takes all the processor time', async () => {
    const meanwhile = (): undefined => {
      const until = performance.now() + 600;
      while (performance.now() < until);
    };
    await watch.fires('GatehouseEventLoopHeld', { instance: 'registration' }, { meanwhile });
  }, 30_000);

  it('nobody reads what is decided', async () => {
    toRegistration.set('fetches-held');
    expect(await register('undecided')).toBe(202);
    await watch.fires('GatehouseCommandsUndecided', { context: 'registration', outcome: 'pending' });
    toRegistration.set('open');
  }, 30_000);

  it('the brokers are away', async () => {
    await toRegistration.close();
    expect(await register('not appended')).toBe(503);
    await watch.fires('GatehouseCommandsNotAppended', { context: 'registration' });
  }, 30_000);

  it('a start never gets ready, since its brokers are away, and so does not listen; another one ends', async () => {
    const port = await freePort();
    const waiting = await startTestService(gateway, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: {
        KAFKA_TOPIC_PREFIX: own.prefix,
        KAFKA_BROKERS: toRegistration.brokers,
        PORT: String(port),
        LISTEN_WHEN_READY: '1',
        FHIR_UPSTREAM_URL: upstream.url,
        GATEWAY_JWKS_URL: `${issuer.issuer}/jwks`,
      },
      waitUntilReady: false,
    });
    const rollout = new AlertWatch({
      old: { url: reading.url, service: 'gateway' },
      new: { url: waiting.url, service: 'gateway' },
      counters: counters.url,
    });
    await rollout.fires('GatehouseInstanceDown', { instance: 'new', service: 'gateway' });
    await waiting.close();
    await counters.close();
    await rollout.fires('GatehouseInstanceDown', { instance: 'counters' });
  }, 30_000);
});
