import { setTimeout as wait } from 'node:timers/promises';
import { mintId } from '#contracts';
import { Database } from '#host';
import { startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { reviewPart } from './review.part.js';

const MOST = 5_000;
const scopes = Array.from(
  { length: 5 },
  (_, index) => `system/Observation.rs?code=http://loinc.org|${10_000 + index}-1`,
);

interface Campaign {
  readonly id: string;
  readonly status: string;
  readonly population: number;
}

describe('a campaign over as many accesses as one may ask about', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;

  beforeAll(async () => {
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    const environment = { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix };
    service = await startTestService(reviewPart, { databaseUrl: own.databaseUrl, issuer, environment });
    const ids = Array.from({ length: MOST }, (_, index) => mintId(index % 8));
    await service.app.get(Database).query(
      `INSERT INTO projection.review_access (application_id, owner_id, name, kind, scopes, approval_version, expires_at, approved_at)
       SELECT id, 'owner', 'Application', 'backend', $2::text[], 1, now() + interval '1 day', now() FROM unnest($1::uuid[]) AS id`,
      [ids, scopes],
    );
  }, 60_000);

  afterAll(async () => {
    await service.close();
    await Promise.all([own.dispose(), issuer.close()]);
  }, 30_000);

  const send = async (path: string, json: unknown) =>
    await service.call(path, { json, headers: await issuer.bearer('rita', 'reviewer') });
  /** The newest campaign, once it is as it should be. */
  const shown = async (fits: (campaign: Campaign) => boolean): Promise<Campaign> => {
    for (let tries = 0; tries < 150; tries++) {
      const response = await service.call('/review/campaigns', { headers: await issuer.bearer('rita', 'reviewer') });
      const [newest] = ((await response.json()) as { items: Campaign[] }).items;
      if (newest !== undefined && fits(newest)) return newest;
      await wait(100);
    }
    throw new Error('the campaign was never shown so');
  };
  const dueAt = new Date(Date.now() + 86_400_000).toISOString();

  it('opens with every item, and closes with a decision on each', async () => {
    // 202 on a machine that is too slow to show 5,000 items within two seconds.
    expect([201, 202]).toContain((await send('/review/campaigns', { name: 'All', dueAt, onSilence: 'keep' })).status);
    const { id } = await shown(({ status, population }) => status === 'open' && population === MOST);
    expect([200, 202]).toContain((await send(`/review/campaigns/${id}/closure`, { reason: 'over' })).status);
    expect(await shown(({ status }) => status === 'closed')).toMatchObject({ id, bySilence: MOST, undecided: 0 });
  }, 30_000);

  it('is refused when it is more than one command can carry, by number or by size', async () => {
    const database = service.app.get(Database);
    await database.query(
      `INSERT INTO projection.review_access (application_id, owner_id, name, scopes, expires_at, approved_at)
       VALUES ($1, 'owner', 'One more', $2::text[], now() + interval '1 day', now())`,
      [mintId(0), scopes],
    );
    expect((await send('/review/campaigns', { name: 'Too many', dueAt })).status).toBe(422);
    await database.query('DELETE FROM projection.review_access WHERE kind IS NULL');
    await database.query(
      "UPDATE projection.review_access SET scopes = array_fill('system/Patient.rs'::text, ARRAY[100])",
    );
    expect((await send('/review/campaigns', { name: 'Too large', dueAt })).status).toBe(422);
  }, 30_000);
});
