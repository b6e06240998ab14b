import { startBroker } from '../../../scripts/infrastructure/kafka.mjs';
import { stoppablePostgres, type StoppablePostgres } from '../postgres-faults.js';
import {
  killAgainAndAgain,
  livesDuring,
  type LoadReport,
  tokenClients,
  withoutBroker,
  withoutPostgres,
} from '../token-faults.js';

let postgres: StoppablePostgres;
let broker: Awaited<ReturnType<typeof startBroker>>;
let running: Awaited<ReturnType<typeof tokenClients>>;
const shared = { ...process.env };

beforeAll(async () => {
  [postgres, broker] = await Promise.all([stoppablePostgres(), startBroker()]);
  // Both are taken away as a whole, so they are this file's own.
  Object.assign(process.env, { KAFKA_BROKERS: broker.brokers, DATABASE_URL: postgres.url });
  running = await tokenClients();
}, 180_000);
afterAll(async () => {
  await running.pair.server.close();
  Object.assign(process.env, shared);
  await Promise.all([postgres.remove(), broker.stop()]);
}, 120_000);

function expectLives({ counts, faults }: LoadReport): void {
  process.stdout.write(
    `${JSON.stringify({ fault: expect.getState().currentTestName, counts, faults: faults.length })}\n`,
  );
  expect(faults).toEqual([]);
  expect(counts).toMatchObject({
    'redeem done': expect.any(Number),
    'refresh done': expect.any(Number),
    'revoke done': expect.any(Number),
  });
}

describe('people who let applications in, and end it again, at two instances of the token service', () => {
  it('while one is killed at five random moments', async () => {
    expectLives(await livesDuring(running, () => killAgainAndAgain(running.pair, 5)));
  }, 400_000);

  it('while the whole broker is killed and away for 12 s', async () => {
    expectLives(await livesDuring(running, () => withoutBroker(broker)));
  }, 400_000);

  it('while Postgres is away for 12 s', async () => {
    expectLives(await livesDuring(running, () => withoutPostgres(postgres)));
  }, 400_000);
});
