import { activityTopic, type Position } from '#contracts';
import { Database, InjectProjection, notFound, type ProjectionReadiness, VAULT } from '#host';
import type { Vault } from '#vault';
import { Inject } from '@nestjs/common';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { auditRecordsProjection } from '../audit-records/audit-records.projection.js';
import {
  accessIn,
  type AccessCountRow,
  type AccessRow,
  tokensIn,
  type TokenCountRow,
  type TokenRow,
} from './activity-rows.js';
import { ACCESS_COUNTS, ACCESSES, EVENTS, TOKEN_COUNTS, TOKENS } from './timeline-sql.js';
import { type Naming, ownerIn, partiesOf, storyOf, type TimelineEvent } from './timeline.js';

/** An application has a few dozen events in its life; all of them are at /audit/records. */
const MOST_EVENTS = 1_000;
const NEWEST = 50;

interface EventRow extends TimelineEvent {
  readonly client_id: string | null;
}

/** Who registered it, what was asked, who approved what, when tokens were issued, what was accessed: one page. */
export class ShowTimeline extends Query<object> {
  constructor(
    readonly applicationId: string,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(ShowTimeline)
export class ShowTimelineHandler implements IQueryHandler<ShowTimeline> {
  constructor(
    private readonly database: Database,
    @InjectProjection(auditRecordsProjection) private readonly projection: ProjectionReadiness,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /**
   * The page. Owners, reviewers and operators have names where the vault knows them; users and patients are ids alone.
   */
  async execute({ applicationId: id, seen }: ShowTimeline) {
    await this.projection.reached(seen);
    const events = await this.database.query<EventRow>(EVENTS, [id, activityTopic.name, MOST_EVENTS]);
    if (events.length === 0) throw notFound();
    const [name, tokenCounts, tokens, accessCounts, accesses] = await Promise.all([
      this.naming(partiesOf(events)),
      this.database.query<TokenCountRow>(TOKEN_COUNTS, [id]),
      this.database.query<TokenRow>(TOKENS, [id, NEWEST]),
      this.database.query<AccessCountRow>(ACCESS_COUNTS, [id]),
      this.database.query<AccessRow>(ACCESSES, [id, NEWEST]),
    ]);
    const { requested, ...story } = storyOf(events, name);
    const clientId = events.find(({ client_id }) => client_id !== null)?.client_id;
    const owner = ownerIn(events);
    return {
      application: {
        id,
        ...(typeof clientId === 'string' ? { clientId } : {}),
        ...(requested === undefined
          ? {}
          : { name: requested.name, kind: requested.kind, clientType: requested.clientType }),
        ...(owner === undefined ? {} : { owner: name(owner) }),
      },
      ...story,
      ...(requested === undefined ? {} : { requested }),
      tokens: tokensIn(tokenCounts, tokens),
      access: accessIn(accessCounts, accesses),
    };
  }

  private async naming(ids: readonly string[]): Promise<Naming> {
    const people = await this.vault.lookupSubjects(ids);
    return (id) => {
      const known = people.get(id);
      const name = known?.name ?? known?.email;
      return name === undefined ? { id } : { id, name };
    };
  }
}
