import { activityTopic, approval, type CampaignItem, mintIdBeside, registration, topicsOf } from '#contracts';
import { LogEnds, type LogSettings } from '#event-log';
import { Database, InjectProjection, LOG_SETTINGS, type ProjectionReadiness, unavailable } from '#host';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { ReviewConfig } from '../review.config.js';
import { type AccessInUse, evidenceOf, recommendationFrom } from './evidence.js';
import { openAccessProjection } from './open-access.projection.js';

/** Which accesses are asked about; everything where nothing is said. */
export interface Included {
  readonly kinds?: readonly string[] | undefined;
  readonly applicationIds?: readonly string[] | undefined;
}

const TOPICS = [topicsOf(registration).events, topicsOf(approval).events, activityTopic];

const OPEN = `
  SELECT a.application_id, a.name, a.owner_id, a.scopes, a.approval_version, a.approved_at, a.expires_at,
         coalesce(u.tokens, 0)::integer AS tokens, coalesce(u.allowed, 0)::integer AS allowed,
         coalesce(u.denied, 0)::integer AS denied, last.used_at AS last_used_at,
         ARRAY(SELECT s.scope FROM projection.review_access_scopes s
                WHERE s.application_id = a.application_id AND s.last_used_at >= $2) AS used_scopes
    FROM projection.review_access a
    LEFT JOIN LATERAL (SELECT sum(tokens) AS tokens, sum(allowed) AS allowed, sum(denied) AS denied
                         FROM projection.review_access_use
                        WHERE application_id = a.application_id AND day >= ($2::timestamptz AT TIME ZONE 'UTC')::date) u ON true
    LEFT JOIN LATERAL (SELECT max(last_used_at) AS used_at FROM projection.review_access_use
                        WHERE application_id = a.application_id) last ON true
   WHERE a.expires_at > $1 AND cardinality(a.scopes) > 0 AND coalesce(a.closed, 'none') = 'none'
     AND a.owner_id IS NOT NULL AND a.name IS NOT NULL
     AND ($3::text[] IS NULL OR a.kind = ANY ($3)) AND ($4::uuid[] IS NULL OR a.application_id = ANY ($4))
   ORDER BY a.application_id LIMIT $5`;

const DAY_MS = 86_400_000;

/** The population of a campaign: every access that is open now, with what is known of its use. */
@Injectable()
export class OpenAccess implements OnModuleDestroy {
  private readonly ends: LogEnds;

  constructor(
    @Inject(LOG_SETTINGS) settings: LogSettings,
    @InjectProjection(openAccessProjection) private readonly projection: ProjectionReadiness,
    private readonly database: Database,
    private readonly config: ReviewConfig,
  ) {
    this.ends = new LogEnds(settings);
  }

  /**
   * Items for a campaign, at most `limit`. It asks the brokers where the log ends and answers from there on: an access
   * that was approved before the campaign was asked for is in it.
   *
   * @throws ProblemException 503 when brokers or projection do not answer in time
   */
  async itemsFor(campaignId: string, include: Included, limit: number): Promise<readonly CampaignItem[]> {
    await this.caughtUp();
    const now = Date.now();
    const { windowDays } = this.config;
    const since = new Date(now - windowDays * DAY_MS);
    const rows = await this.database.query<AccessInUse>(OPEN, [
      new Date(now),
      since,
      include.kinds ?? null,
      include.applicationIds ?? null,
      limit,
    ]);
    return rows.map((access) => {
      const evidence = evidenceOf(access, windowDays, now);
      return {
        id: mintIdBeside(campaignId),
        applicationId: access.application_id,
        applicationName: access.name,
        ownerId: access.owner_id,
        scopes: [...access.scopes],
        evidence,
        recommendation: recommendationFrom(evidence, windowDays),
      };
    });
  }

  /** Who owns an application now, as far as the projection knows. */
  async ownerOf(applicationId: string): Promise<string | undefined> {
    const [row] = await this.database.query<{ readonly owner_id: string | null }>(
      'SELECT owner_id FROM projection.review_access WHERE application_id = $1',
      [applicationId],
    );
    return row?.owner_id ?? undefined;
  }

  async onModuleDestroy(): Promise<void> {
    await this.ends.close();
  }

  private async caughtUp(): Promise<void> {
    const ends = await this.endsOfTopics();
    await this.projection.reached(
      [...ends].flatMap(([topic, offsets]) =>
        offsets.flatMap((end, partition) => (end > 0n ? [{ topic, partition, offset: end - 1n }] : [])),
      ),
    );
  }

  private async endsOfTopics(): Promise<ReadonlyMap<string, readonly bigint[]>> {
    try {
      return await this.ends.endsOf(TOPICS.map(({ name, partitions }) => ({ topic: name, partitions })));
    } catch (error) {
      throw unavailable('The log cannot be asked how far it is; nothing was done.', 2, error);
    }
  }
}
