import { registration, topicsOf } from '#contracts';
import { LogEnds } from '#event-log';
import { freePort, kafkaRelay, type KafkaRelay, testIssuer, type TestIssuer } from '#testing';
import { Client } from 'pg';
import { isolate, type Isolation } from '../environment/isolation.js';
import { type ServiceProcess, startServiceProcess } from '../fleet/service-process.js';
import { settingsFor } from './counter-load.js';
import { readTopic } from './raw-log.js';

type Json = Record<string, unknown>;

let own: Isolation;
let issuer: TestIssuer;
let sql: Client;
let ends: LogEnds;
/** The token service's way to Kafka. */
let kafka: KafkaRelay;
let deciding: ServiceProcess;
let token: ServiceProcess;

beforeAll(async () => {
  [own, issuer] = await Promise.all([isolate(), testIssuer()]);
  sql = new Client({ connectionString: own.databaseUrl });
  await sql.connect();
  ends = new LogEnds(settingsFor(own.brokers, own.prefix));
  kafka = await kafkaRelay(own.brokers);
  deciding = await startServiceProcess('registration', await freePort(), {
    ...common(),
    KAFKA_BROKERS: own.brokers,
  });
  token = await startToken();
}, 120_000);

afterAll(async () => {
  await Promise.all([token.stop(), deciding.stop()]);
  await Promise.all([kafka.close(), ends.close(), sql.end(), issuer.close()]);
  await own.dispose();
}, 60_000);

const common = () => ({
  DATABASE_URL: own.databaseUrl,
  KAFKA_TOPIC_PREFIX: own.prefix,
  IDENTITY_ISSUER: issuer.issuer,
  IDENTITY_AUDIENCE: issuer.audience,
  LOG_LEVEL: 'debug',
});

const startToken = async () =>
  startServiceProcess('token', await freePort(), {
    ...common(),
    KAFKA_BROKERS: kafka.brokers,
    FHIR_UPSTREAM_URL: 'http://127.0.0.1:1/fhir',
  });

async function ask(path: string, bearer: string, json?: Json) {
  const response = await fetch(`${token.url}${path}`, {
    method: json === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  return { status: response.status, body: (await response.json()) as Json };
}

/** For a client that may register once. */
async function initialToken(): Promise<string> {
  const [, bearer = ''] = (await issuer.bearer('dora', 'developer')).authorization.split(' ');
  const given = await ask('/oauth/initial-access-tokens', bearer, {});
  expect(given.status).toBe(201);
  return String(given.body['token']);
}

const metadata = (name: string, method: string): Json => ({
  client_name: name,
  redirect_uris: ['https://app.example/back'],
  scope: 'launch/patient patient/Patient.rs',
  token_endpoint_auth_method: method,
  contacts: [`${name}@example.org`],
});

/** Events or commands of registration as they stand in Kafka. */
const standing = (topic: 'commands' | 'events', type: string, name: string) =>
  readTopic(own.brokers, `${own.prefix}gatehouse.registration.${topic}`).then((records) =>
    records.filter(
      ({ value }) =>
        String(value['type']).includes(`.${type}.`) && (value.data['reviewed'] as Json | undefined)?.['name'] === name,
    ),
  );

/** How many records a topic of registration's has, by the brokers' own count; quick, so that nobody gives up meanwhile. */
async function length(topic: 'commands' | 'events'): Promise<bigint> {
  const { name, partitions } = topicsOf(registration)[topic];
  const of = await ends.endsOf([{ topic: name, partitions }]);
  return (of.get(name) ?? []).reduce((sum, end) => sum + end, 0n);
}

/** Waits until a topic has more records than it had. */
async function grows(topic: 'commands' | 'events', before: bigint): Promise<void> {
  while ((await length(topic)) <= before); // nobody tells
}

/** As honest clients do: again as long as they are told to. */
async function persist(initial: string, json: Json) {
  for (;;) {
    const answer = await ask('/oauth/register', initial, json);
    if (answer.status !== 503) return answer;
    await new Promise((resolve) => setTimeout(resolve, 200)); // less than Retry-After says
  }
}

test('a process that dies while clients register leaves nothing behind that their retry does not finish, once', async () => {
  const [decided, unsent] = [await initialToken(), await initialToken()];
  const [secretive, open] = [metadata('decided', 'client_secret_basic'), metadata('unsent', 'none')];

  // The command of the first stands in the log, and nobody decides it.
  deciding.signal('SIGSTOP');
  const [commandsBefore, eventsBefore] = [await length('commands'), await length('events')];
  const lost = [ask('/oauth/register', decided, secretive).catch(() => undefined)];
  await grows('commands', commandsBefore);
  // That of the second cannot leave; its use is taken.
  kafka.set('silent');
  lost.push(ask('/oauth/register', unsent, open).catch(() => undefined));
  const rows = () => sql.query('SELECT 1 FROM protocol.client_registrations');
  while ((await rows()).rowCount !== 2); // nobody tells
  // The first is decided, and nobody is told.
  deciding.signal('SIGCONT');
  await grows('events', eventsBefore);
  await token.kill();
  // On a slow machine some may have been told to come again.
  expect((await Promise.all(lost)).filter((answer) => answer !== undefined && answer.status !== 503)).toEqual([]);
  const said = token.said();

  kafka.set('open');
  token = await startToken();
  // Another instance might still be at them.
  await sql.query('UPDATE protocol.client_registrations SET unanswered_since = now()');
  expect((await ask('/oauth/register', decided, secretive)).status).toBe(503);
  // As if so much time had passed that none can be.
  await sql.query(
    "UPDATE protocol.client_registrations SET unanswered_since = unanswered_since - interval '31 seconds'",
  );
  const [first, second] = [await persist(decided, secretive), await persist(unsent, open)];
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(first.body['client_secret']).toEqual(expect.any(String));

  for (const { body } of [first, second]) {
    const path = `/oauth/register/${String(body['client_id'])}`;
    const read = await ask(path, String(body['registration_access_token']));
    expect([read.status, read.body['client_id']]).toEqual([200, body['client_id']]);
  }

  // What Kafka holds: each was registered once, under the id that its client was told.
  for (const [name, { body }] of [
    ['decided', first],
    ['unsent', second],
  ] as const) {
    const registered = await standing('events', 'application-registered', name);
    expect(registered.map(({ value }) => value.data['clientId'])).toEqual([body['client_id']]);
    const commands = await standing('commands', 'register-application', name);
    expect(new Set(commands.map(({ value }) => value['id'])).size).toBe(1);
  }
  const kept = await sql.query<Json>('SELECT * FROM protocol.client_registrations');
  expect(kept.rows.map((row) => row['client_id']).sort()).toEqual(
    [first, second].map(({ body }) => String(body['client_id'])).sort(),
  );
  // And nothing that opens anything stands anywhere.
  const written = `${JSON.stringify(kept.rows)}${said}${token.said()}`;
  const secrets = [decided, unsent, ...[first, second].map(({ body }) => String(body['registration_access_token']))];
  expect([...secrets, String(first.body['client_secret'])].filter((it) => written.includes(it))).toEqual([]);
}, 180_000);
