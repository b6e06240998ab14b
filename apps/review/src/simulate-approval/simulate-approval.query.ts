import type { Position } from '#contracts';
import { Database, InjectProjection, malformed, notFound, type ProjectionReadiness, refused } from '#host';
import { isNarrowerOrEqual, parseScope, type Scope } from '#smart';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { openAccessProjection } from '../know-access/open-access.projection.js';
import { type Effect, effectOn, type UseRow } from './simulated-use.js';
import type { NewSimulation } from './simulation.dto.js';

const DAY_MS = 86_400_000;
/** An application calls in a few dozen ways; more are added up and not listed. */
const MOST_ITEMS = 1_000;
const ORDER: Readonly<Record<Effect, number>> = { denied: 0, narrowed: 1, kept: 2 };

/** What a narrower approval would have denied in the last days. */
export class SimulateApproval extends Query<object> {
  constructor(
    readonly asked: NewSimulation,
    readonly seen: readonly Position[],
  ) {
    super();
  }
}

@QueryHandler(SimulateApproval)
export class SimulateApprovalHandler implements IQueryHandler<SimulateApproval> {
  constructor(
    private readonly database: Database,
    @InjectProjection(openAccessProjection) private readonly projection: ProjectionReadiness,
  ) {}

  async execute({ asked, seen }: SimulateApproval) {
    const scopes = parsedOrMalformed(asked.scopes);
    await this.projection.reached(seen);
    const { applicationId, days } = asked;
    const approvedScopes = await this.approved(applicationId);
    refuseWider(asked.scopes, approvedScopes);
    const to = new Date();
    const from = new Date(Math.floor((to.getTime() - days * DAY_MS) / DAY_MS) * DAY_MS);
    const rows = await this.database.query<UseRow>(
      `SELECT interaction, resource_type AS "resourceType", scope, sum(calls)::integer AS calls,
              max(last_used_at) AS "lastUsedAt"
         FROM projection.review_access_calls
        WHERE application_id = $1 AND day >= ($2::timestamptz AT TIME ZONE 'UTC')::date
        GROUP BY interaction, resource_type, scope`,
      [applicationId, from],
    );
    const items = rows
      .map((row) => ({ row, effect: effectOn(row, scopes) }))
      .sort((one, other) => ORDER[one.effect] - ORDER[other.effect] || other.row.calls - one.row.calls);
    const sum = (effect: Effect) =>
      items.reduce((total, item) => total + (item.effect === effect ? item.row.calls : 0), 0);
    return {
      applicationId,
      from: from.toISOString(),
      to: to.toISOString(),
      approvedScopes,
      scopes: asked.scopes,
      calls: { kept: sum('kept'), narrowed: sum('narrowed'), denied: sum('denied') },
      items: items.slice(0, MOST_ITEMS).map(({ row, effect }) => ({
        interaction: row.interaction,
        ...(row.resourceType === '' ? {} : { resourceType: row.resourceType }),
        ...(row.scope === '' ? {} : { scope: row.scope }),
        calls: row.calls,
        lastUsedAt: row.lastUsedAt.toISOString(),
        effect,
      })),
    };
  }

  private async approved(applicationId: string): Promise<readonly string[]> {
    const [row] = await this.database.query<{ scopes: readonly string[] | null }>(
      'SELECT scopes FROM projection.review_access WHERE application_id = $1',
      [applicationId],
    );
    if (row === undefined) throw notFound();
    return row.scopes ?? [];
  }
}

/** Throws a 400 problem that names each scope that is none. */
function parsedOrMalformed(texts: readonly string[]): readonly Scope[] {
  const results = texts.map((text) => parseScope(text));
  const faults = results.flatMap((result, at) =>
    result.ok
      ? []
      : [{ pointer: `/scopes/${at}`, detail: `at ${result.fault.position}: expected ${result.fault.expected}` }],
  );
  if (faults.length > 0) throw malformed('Some of the scopes are none.', faults);
  return results.flatMap((result) => (result.ok ? [result.scope] : []));
}

/** Throws a 422 problem that names each scope that goes beyond what is approved. */
function refuseWider(texts: readonly string[], approvedTexts: readonly string[]): void {
  const approved = scopesIn(approvedTexts);
  const wider = texts.flatMap((text, at) =>
    isNarrowerOrEqual(scopesIn([text]), approved)
      ? []
      : [{ pointer: `/scopes/${at}`, detail: `${text} is wider than what is approved` }],
  );
  if (wider.length > 0)
    throw refused('wider-than-approved', 'Wider than approved', 'Ask about what is approved, or less.', wider);
}

function scopesIn(texts: readonly string[]): readonly Scope[] {
  return texts.flatMap((text) => {
    const result = parseScope(text);
    return result.ok ? [result.scope] : [];
  });
}
