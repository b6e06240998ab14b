import { keysOf } from './kept-keys.js';
import { killInTheMiddle, stepsWithout, tokenClients } from './token-faults.js';

let running: Awaited<ReturnType<typeof tokenClients>>;

beforeAll(async () => {
  running = await tokenClients();
}, 120_000);
afterAll(() => running.pair.server.close(), 60_000);

const steps = ['authorize', 'consent', 'redeem', 'refresh', 'client_credentials', 'introspect', 'revoke'] as const;
const allOf = (what: string) => Object.fromEntries(steps.map((step) => [step, what]));

describe('two instances of the token service', () => {
  it('say at each step that Kafka is away, and do the same step when it is back', async () => {
    const { meanwhile, afterwards, faults } = await stepsWithout('kafka', running);
    expect(faults).toEqual([]);
    // A request is not an event yet, and who asks about a token is answered from what is known as long as a lease lasts.
    expect({ ...meanwhile, authorize: 'done', introspect: 'done' }).toEqual({
      ...allOf('unavailable'),
      authorize: 'done',
      introspect: 'done',
    });
    expect(afterwards).toEqual(allOf('done'));
  }, 180_000);

  it('say at each step that Postgres is away, and do the same step when it is back', async () => {
    const { meanwhile, afterwards, faults } = await stepsWithout('postgres', running);
    expect(faults).toEqual([]);
    // An access token says itself what it is for.
    expect(meanwhile).toEqual({ ...allOf('unavailable'), introspect: 'done' });
    expect(afterwards).toEqual(allOf('done'));
  }, 180_000);

  it('one killed in the middle of everything: who asks the other again is served once, or told that it is over', async () => {
    const { faults, withinGrace, ...tried } = await killInTheMiddle(running);
    expect(faults).toEqual([]);
    expect(tried).toEqual({
      redeemedBeforeCommit: 'done',
      rotatedBeforeFact: 'done',
      // It was redeemed: a second time ends what came of it (RFC 6749, 4.1.2).
      redeemedBeforeAnswer: 'refused',
      rotatedBeforeAnswer: withinGrace ? 'done' : 'refused',
      consentedBeforeFact: 'done',
      consentedBeforeAnswer: 'done',
    });
  }, 180_000);

  it('have logged no key, and nothing that opens anything', async () => {
    const { pair, clients } = running;
    const said = pair.said();
    expect(said).toContain('"level"');
    const secrets = [...clients.secrets(), ...(await keysOf(pair.server.own))];
    expect(secrets.length).toBeGreaterThan(20);
    expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);
  });
});
