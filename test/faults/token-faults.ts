import type { TestAuthorization, TokenAnswer } from '#testing';
import { setTimeout as delay } from 'node:timers/promises';
import type { startBroker } from '../../scripts/infrastructure/kafka.mjs';
import { TokenPair } from '../fleet/token-pair.js';
import type { StoppablePostgres } from './postgres-faults.js';
import { type Step, TokenClients, type Tried } from './token-clients.js';

/** What each step came to while something was away, and afterwards. */
export interface OutageReport {
  readonly meanwhile: Readonly<Record<string, Tried>>;
  readonly afterwards: Readonly<Record<string, Tried>>;
  readonly faults: readonly string[];
}

/** Two instances with an application of people's and a backend service, known to both. */
export async function tokenClients(): Promise<{ readonly pair: TokenPair; readonly clients: TokenClients }> {
  const pair = await TokenPair.start();
  pair.server.signInAs();
  const [app, backend] = [
    await pair.server.approved(),
    await pair.server.approved('confidential-asymmetric', ['system/*.rs']),
  ];
  await Promise.all([app, backend].map((each) => pair.known(each)));
  return { pair, clients: new TokenClients(pair.server, app, backend) };
}

/** Every step of a client's and of a person's, each prepared so far that only the step itself is missing. */
async function everyStep(clients: TokenClients): Promise<readonly Step[]> {
  const consent = await clients.consent();
  const redeem = clients.redeem(await clients.launched());
  const [refreshed, told, ended] = [await clients.granted(), await clients.granted(), await clients.granted()];
  return [
    clients.authorize(),
    consent,
    redeem,
    clients.refresh(refreshed.refresh),
    clients.clientCredentials(),
    clients.introspect(told.access),
    clients.revoke(ended.refresh, ended.grantId),
  ];
}

/** Takes Kafka or Postgres away from the instance that answers, tries every step, brings it back, and tries again. */
export async function stepsWithout(
  what: 'kafka' | 'postgres',
  { pair, clients }: { readonly pair: TokenPair; readonly clients: TokenClients },
): Promise<OutageReport> {
  await pair.leadTo('first');
  const steps = await everyStep(clients);
  if (what === 'kafka') pair.kafka.set('silent');
  else await pair.postgres.cut();
  const results = async (how: (step: Step) => Promise<Tried>): Promise<Record<string, Tried>> =>
    Object.fromEntries(await Promise.all(steps.map(async (step) => [step.name, await how(step)] as const)));
  const meanwhile = await results((step) => clients.try(step));
  if (what === 'kafka') pair.kafka.set('open');
  else await pair.postgres.restore();
  const afterwards = await results(async (step) => (meanwhile[step.name] === 'done' ? 'done' : clients.persist(step)));
  return { meanwhile, afterwards, faults: await clients.faults(pair.server.own) };
}

/** What callers of the instance that was killed got from the other one when they asked again. */
export interface KillReport {
  /** Killed when the log had the fact, and the database did not know yet that it had. */
  readonly redeemedBeforeCommit: Tried;
  /** Killed when neither had it. */
  readonly rotatedBeforeFact: Tried;
  /** Killed when both had it, and the client had no answer. */
  readonly redeemedBeforeAnswer: Tried;
  readonly rotatedBeforeAnswer: Tried;
  /** How the rotation whose answer was lost was answered at last: within its grace, with the one successor. */
  readonly withinGrace: boolean;
  /** Killed when the database had the grant, and the log not. */
  readonly consentedBeforeFact: Tried;
  /** Killed when the log had it, and the browser had no answer. */
  readonly consentedBeforeAnswer: Tried;
  readonly faults: readonly string[];
}

/**
 * Brings an instance into the middle of six requests, each held at another place, and ends it with `kill -9`; then each caller
 * tries again at the other instance.
 */
export async function killInTheMiddle({
  pair,
  clients,
}: {
  readonly pair: TokenPair;
  readonly clients: TokenClients;
}): Promise<KillReport> {
  const { server, kafka, postgres } = pair;
  await pair.leadTo('first');
  const late = clients.redeem(await clients.launched());
  const early = await lastConsented(server, async () => clients.redeem(await clients.launched()));
  const [first, second] = [await clients.granted(), await clients.granted()];
  const answers: TokenAnswer[] = [];
  const [rotateEarly, rotateLate] = [
    clients.refresh(first.refresh),
    clients.refresh(second.refresh, (answer) => answers.push(answer)),
  ];
  const [unrecorded, unanswered] = [await clients.consent(), await clients.consent()];
  const under: Promise<Tried>[] = [];
  const held = async (step: Step, ...words: [string, ...string[]]): Promise<void> => {
    const reached = postgres.holdAnswerTo(...words);
    under.push(clients.try(step));
    await reached;
  };
  const rotatedAt = performance.now();
  // A prepared statement is said by its name where its connection has said it before.
  await held(rotateLate, 'rotate-refresh-token', 'COMMIT');
  await held(late, 'insert-refresh-token', 'COMMIT');
  await held(unanswered, 'INSERT INTO protocol.provider_records');
  await held(unrecorded, 'INSERT INTO protocol.grants');
  await held(rotateEarly, 'rotate-refresh-token');
  kafka.set('acknowledgements-held');
  under.push(clients.try(early.step));
  await server.gathered(server.facts, ({ type, data }) => type === 'token-issued' && data.grantId === early.grantId);
  await pair.killFirst();
  expect(await Promise.all(under)).toEqual(under.map(() => 'unanswered'));
  kafka.set('open');
  // First what has a grace.
  const rotatedBeforeAnswer = await clients.persist(rotateLate);
  const report = {
    rotatedBeforeAnswer,
    withinGrace: performance.now() - rotatedAt < 9_000 || answers.length > 0,
    redeemedBeforeCommit: await clients.persist(early.step),
    rotatedBeforeFact: await clients.persist(rotateEarly),
    redeemedBeforeAnswer: await clients.persist(late),
    consentedBeforeFact: await clients.persist(unrecorded),
    consentedBeforeAnswer: await clients.persist(unanswered),
  };
  await pair.restartFirst();
  return { ...report, faults: await clients.faults(server.own) };
}

/** The grant of a launch, as the log names it. */
async function lastConsented(server: TestAuthorization, launch: () => Promise<Step>) {
  const before = new Set(server.events);
  const step = await launch();
  const consented = await server.gathered(
    server.events,
    (event) => event.type === 'grant-consented' && !before.has(event),
  );
  if (consented.type !== 'grant-consented') throw new Error('not what was looked for');
  return { step, grantId: consented.data.grantId };
}

/** How long each of a load's faults lasts, in milliseconds: longer than a lease, so that nobody knows any more what is in force. */
const AWAY_MS = 12_000;
const AT_ONCE = 6;

/** What a load came to. */
export interface LoadReport {
  readonly counts: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

/** Lets people in and ends it again, one after another, while a fault goes on; then the checker. */
export async function livesDuring(
  { pair, clients }: { readonly pair: TokenPair; readonly clients: TokenClients },
  fault: () => Promise<void>,
): Promise<LoadReport> {
  const over = { yet: false };
  const lives = Array.from({ length: AT_ONCE }, async () => {
    while (!over.yet) await clients.life();
  });
  await fault();
  over.yet = true;
  await Promise.all(lives);
  return { counts: clients.counts, faults: await clients.faults(pair.server.own) };
}

/** Kills the instance that answers at random moments, and starts another each time. */
export async function killAgainAndAgain(pair: TokenPair, times: number): Promise<void> {
  for (let killed = 0; killed < times; killed++) {
    await pair.leadTo('first');
    await delay(1_000 + Math.random() * 3_000); // a random moment
    await pair.killFirst();
    await pair.restartFirst();
  }
}

/** Kills the whole broker, and starts it again. */
export async function withoutBroker({ nodes }: Awaited<ReturnType<typeof startBroker>>): Promise<void> {
  await delay(3_000); // so that lives are under way
  await Promise.all(nodes.map((node) => node.kill()));
  await delay(AWAY_MS);
  await Promise.all(nodes.map((node) => node.start()));
  await delay(5_000); // the load goes on over the healed log
}

/** Stops Postgres, and starts it again. */
export async function withoutPostgres(postgres: StoppablePostgres): Promise<void> {
  await delay(3_000); // so that lives are under way
  await postgres.without(() => delay(AWAY_MS));
  await delay(5_000); // the load goes on
}
