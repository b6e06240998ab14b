import type { ApprovalCommand, ApprovalEvent, Recorded, RegistrationEvent } from '#contracts';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { approvalDecider } from '../approval.decider.js';
import type { ApprovalState } from '../domain/application-approval.js';
import { CreateApproval1763942400010 } from '../migrations/create-approval.js';
import { addressed, decide, now, openReview, submission } from '../scenario.arbitrary.js';
import { defaultPolicy } from '../set-policy/set-policy.decider.js';
import { reviewsProjection } from './reviews.projection.js';

let own: Isolation;
let database: DataSource;

beforeAll(async () => {
  own = await isolate();
  database = await new DataSource({
    type: 'postgres',
    url: own.databaseUrl,
    migrations: [CreateApproval1763942400010],
  }).initialize();
  await database.query('CREATE SCHEMA projection');
  await database.runMigrations();
}, 60_000);

afterAll(async () => {
  await database.destroy();
  await own.dispose();
});

type AnyEvent = Recorded<ApprovalEvent> | Recorded<RegistrationEvent>;

const idOf = (kind: string, application: number, number = 0) =>
  `019c0000-0000-7000-8000-0000${kind}${number}${application}0000`;

/** A life of an application before its reviewers, as the decider makes it. */
function lifeOf(application: number): AnyEvent[] {
  const subject = idOf('aa', application);
  const id = (number: number) => idOf('bb', application, number);
  const { reviewed } = submission();
  const commands: [ApprovalCommand, string?][] = [
    [openReview({ reviewId: id(1), policy: { ...defaultPolicy, approvals: 2 } })],
    [{ type: 'breach-review-clock', data: { reviewId: id(1), dueAt: now } }, '2026-04-01T00:00:00.000Z'],
    [openReview({ reviewId: id(2), submission: 2, reviewed: { ...reviewed, name: 'Pulse 2' } })],
    [decide({ reviewId: id(2), scopes: ['patient/Observation.rs'] })],
    [openReview({ reviewId: id(3), submission: 3 })],
    [decide({ reviewId: id(3), decision: 'reject' })],
    [{ type: 'expire-approval', data: { approvalVersion: 1, dueAt: now } }, '2028-01-01T00:00:00.000Z'],
  ];
  const events: AnyEvent[] = [];
  let state: ApprovalState | undefined;
  for (const [command, time] of commands) {
    const decision = approvalDecider.decide(state, addressed(command, time === undefined ? {} : { time }));
    if (decision.kind === 'refused') throw new Error(decision.refusal.detail);
    for (const event of decision.events) {
      const version = events.length + 1;
      const meta = {
        id: `${version}`,
        subject,
        time: now,
        actor: 'a',
        correlationId: 'r',
        causationId: 'r',
        version,
        commandOffset: 0n,
      };
      const recorded = { ...event, meta };
      state = approvalDecider.evolve(state, recorded);
      events.push(recorded);
    }
  }
  const owner: AnyEvent = {
    type: 'ownership-transferred',
    data: { ownerId: `owner-${application}`, previousOwnerId: 'owner' },
    meta: {
      id: 'o',
      subject,
      time: now,
      actor: 'a',
      correlationId: 'r',
      causationId: 'r',
      version: 9,
      commandOffset: 0n,
    },
  };
  return [...events, owner];
}

/** The tables after the events were applied in batches of these sizes, over and over. */
async function tablesAfter(events: readonly AnyEvent[], sizes: readonly number[]): Promise<unknown> {
  await database.query(`TRUNCATE ${reviewsProjection.tables.map((table) => `projection.${table}`).join(', ')}`);
  const left = events.map((event, offset) => ({
    event,
    position: { topic: 't', partition: 0, offset: BigInt(offset) },
  }));
  for (let turn = 0; left.length > 0; turn++) {
    const batch = left.splice(0, sizes[turn % sizes.length]);
    await database.transaction(async (manager) => {
      await manager.query('SET LOCAL search_path TO projection');
      await reviewsProjection.apply(
        batch,
        (sql, parameters = []) => manager.query(sql, [...parameters]),
        () => Promise.resolve(false),
      );
    });
  }
  return await Promise.all(
    reviewsProjection.tables.map((table) => database.query(`SELECT * FROM projection.${table} AS t ORDER BY t::text`)),
  );
}

it('keeps the same rows whatever the batches, and whatever passes between the events of an application', async () => {
  const lives = [1, 2].map(lifeOf);
  const expected = await tablesAfter(lives.flat(), [1]);
  expect(expected).toMatchObject([
    [{ owner_id: 'owner-1', expires_at: null }, { owner_id: 'owner-2' }],
    { length: 6 },
    { length: lives.flat().length - 2 },
    [],
  ]);
  const order = fc.shuffledSubarray(
    lives.flatMap((life, index) => life.map(() => index)),
    { minLength: lives.flat().length },
  );
  await fc.assert(
    fc.asyncProperty(
      order,
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      async (turns, sizes) => {
        const left = lives.map((life) => [...life]);
        const events = turns.flatMap((index) => left[index]?.splice(0, 1) ?? []);
        expect(await tablesAfter(events, sizes)).toEqual(expected);
      },
    ),
    { numRuns: 25 },
  );
}, 60_000);

it('shows each review as it ended, and what was declared for it', async () => {
  await tablesAfter(lifeOf(1), [100]);
  const rows: unknown = await database.query(
    `SELECT status, breached, view ->> 'version' AS version, declared ->> 'name' AS name
     FROM projection.approval_reviews ORDER BY (view ->> 'submission')::integer`,
  );
  expect(rows).toEqual([
    { status: 'withdrawn', breached: true, version: '3', name: 'Pulse' },
    // A later form of the same request.
    { status: 'approved', breached: true, version: '5', name: 'Pulse 2' },
    { status: 'rejected', breached: false, version: '8', name: 'Pulse' },
  ]);
});
