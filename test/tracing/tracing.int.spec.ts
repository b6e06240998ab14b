import { randomBytes } from 'node:crypto';
import { LogScanner } from '#event-log';
import { PARTITIONS } from '#contracts';
import type { ServicePart } from '#host';
import { startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import { approvalPart } from '../../apps/approval/src/approval.part.js';
import { registrationPart } from '../../apps/registration/src/registration.part.js';
import { isolate, type Isolation } from '../environment/isolation.js';
import { type SentSpan, startCollector } from './collector.js';

type Collector = Awaited<ReturnType<typeof startCollector>>;

const silent = () => undefined;

let own: Isolation;
let issuer: TestIssuer;
let collector: Collector;
const services: TestService[] = [];

async function start(part: ServicePart, environment: Record<string, string>): Promise<TestService> {
  const service = await startTestService(part, {
    databaseUrl: own.databaseUrl,
    issuer,
    environment: { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix, ...environment },
  });
  services.push(service);
  return service;
}

async function stopAll(): Promise<void> {
  await Promise.all(services.splice(0).map((service) => service.close()));
}

/** Of a caller who traces his own request. */
function caller() {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` };
}

async function register(at: TestService, traceparent: string, name: string): Promise<string> {
  const { authorization } = await issuer.bearer('dora', 'developer');
  const registered = await at.call('/registration/applications', {
    headers: { authorization, traceparent, 'idempotency-key': name },
    json: {
      name,
      kind: 'patient-access',
      clientType: 'public',
      scopes: ['launch/patient', 'patient/Observation.rs'],
      purposesOfUse: [{ code: 'PATRQT', justification: 'Patients see their own data.' }],
      redirectUris: ['https://heart.example.org/callback'],
      contacts: ['security@heart.example.org'],
      submit: true,
    },
  });
  expect(registered.status).toBe(201);
  return registered.headers.get('gatehouse-position') ?? '';
}

/** Waits until the approval service has opened the review that the registration asks for. */
async function reviewed(at: TestService, position: string): Promise<void> {
  const { authorization } = await issuer.bearer('rita', 'reviewer');
  const answer = await at.call('/approval/reviews', {
    headers: { authorization, 'gatehouse-position': position },
  });
  expect(answer.status).toBe(200);
}

beforeAll(async () => {
  [own, issuer, collector] = await Promise.all([isolate(), testIssuer(), startCollector()]);
}, 60_000);
afterAll(async () => {
  await stopAll();
  await Promise.all([own.dispose(), issuer.close(), collector.close()]);
});

it('follows a request through HTTP, Kafka and the service that reacts to it, as part of its caller’s trace', async () => {
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=of-the-collector',
  };
  const registration = await start(registrationPart, environment);
  const approval = await start(approvalPart, environment);
  const { traceId, spanId, traceparent } = caller();
  await reviewed(approval, await register(registration, traceparent, 'Heart Diary'));
  await stopAll(); // what was gathered is sent

  const ofTrace = collector.spans.filter((span) => span.traceId === traceId);
  const below = (parent: string, name: string): SentSpan => {
    const found = ofTrace.find((span) => span.name === name && span.parentSpanId === parent);
    if (!found) throw new Error(`no ${name} below ${parent} in ${JSON.stringify(ofTrace, undefined, 1)}`);
    return found;
  };
  const request = below(spanId, 'POST /registration/applications');
  expect(request).toMatchObject({
    service: 'registration',
    kind: 'server',
    attributes: { 'http.route': '/registration/applications', 'http.response.status_code': 201 },
  });
  const sent = below(request.spanId, 'send gatehouse.registration.commands');
  expect(sent).toMatchObject({ service: 'registration', kind: 'producer' });
  const decided = below(sent.spanId, 'process gatehouse.registration.commands');
  expect(decided).toMatchObject({ service: 'registration', kind: 'consumer' });
  const reacted = below(decided.spanId, 'process gatehouse.registration.events');
  expect(reacted).toMatchObject({ service: 'approval', kind: 'consumer' });
  const asked = below(reacted.spanId, 'send gatehouse.approval.commands');
  expect(below(asked.spanId, 'process gatehouse.approval.commands')).toMatchObject({ service: 'approval' });

  expect(new Set(collector.keys)).toEqual(new Set(['of-the-collector']));
  for (const personal of ['Heart Diary', 'heart.example.org', 'dora', 'rita'])
    expect(collector.sent.join('\n')).not.toContain(personal);
}, 90_000);

it('sends nothing of a trace that is not in the share, whatever the caller’s flag says', async () => {
  const before = collector.spans.length;
  const registration = await start(registrationPart, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER_ARG: '0',
  });
  await register(registration, caller().traceparent, 'Not followed');
  await stopAll();
  expect(collector.spans).toHaveLength(before);
}, 60_000);

it('writes nothing of traces into the log without a collector', async () => {
  const registration = await start(registrationPart, {});
  const { traceparent } = caller();
  await register(registration, traceparent, 'Without a collector');
  await stopAll();

  const sink = { debug: silent, info: silent, warn: silent, error: silent };
  const settings = { brokers: own.brokers.split(','), clientId: 'test', prefix: own.prefix, sink };
  const scanner = new LogScanner(settings);
  const topic = 'gatehouse.registration.commands';
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const records = (
    await Promise.all(partitions.map((partition) => scanner.read({ topic, partition, from: 0n, limit: 100 })))
  ).flat();
  await scanner.close();
  const named = (name: string) => records.filter(({ value }) => value.includes(name));
  expect(named('Without a collector').map((record) => record.traceparent)).toEqual([undefined]);
  expect(named('Heart Diary').map((record) => record.traceparent)).toEqual([expect.stringMatching(/^00-.{49}-01$/)]);
}, 60_000);
