import type { EffectiveAccess } from '#access';
import { formatPosition, partitionOf, type PointReport } from '#contracts';
import { type Caller, notFound, type Position, Reactions, unavailable } from '#host';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { ObservedRoute } from '../observe/observing.js';
import { GatewayMeans } from '../proxy/gateway-means.js';
import { GatewayPoint } from '../proxy/gateway-point.js';
import type { ShownAccess } from './shown-access.js';

/** How long a query waits for what its caller has seen elsewhere, in milliseconds. */
const PATIENCE_MS = 2_000;

/** What an application may do now, why, until when, and how far each enforcement point is; 404 for who may not see it. */
export class ShowAccess extends Query<ShownAccess> {
  constructor(
    readonly applicationId: string,
    readonly seen: readonly Position[],
    readonly caller: Caller,
  ) {
    super();
  }
}

@QueryHandler(ShowAccess)
export class ShowAccessHandler implements IQueryHandler<ShowAccess> {
  constructor(
    private readonly gateway: GatewayPoint,
    private readonly means: GatewayMeans,
    private readonly reactions: Reactions,
  ) {}

  async execute({ applicationId, seen, caller }: ShowAccess): Promise<ShownAccess> {
    const { point, others } = this.gateway;
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const wanted = await this.foldedOf(seen, patience);
    const reached = await Promise.all((wanted ?? []).map((position) => point.reached(position, patience)));
    if (wanted === undefined || reached.includes(false) || !point.holdsLease())
      throw unavailable('This instance is not up to date with the log.', 2);
    const access = point.access.byApplicationId(applicationId, Date.now());
    if (!access || !maySee(caller, access)) throw notFound();
    const observed =
      access.status === 'open' ? this.means.all.flatMap(({ observing }) => observing.of(applicationId)) : [];
    return shown(access, others.points(), observed);
  }

  /** What the point has to fold before it knows these positions: they themselves, and what those of other topics caused. */
  private async foldedOf(seen: readonly Position[], patience: AbortSignal): Promise<readonly Position[] | undefined> {
    const folded = this.gateway.point.applied;
    const others = seen.filter(({ topic }) => !folded.has(topic));
    if (others.length === 0) return seen;
    try {
      const caused = await Promise.all(
        [...folded.keys()].map((topic) => this.reactions.causedBy(others, topic, patience)),
      );
      const known = caused.flatMap((positions) => positions ?? []);
      return caused.includes(undefined) ? undefined : [...seen.filter(({ topic }) => folded.has(topic)), ...known];
    } catch (error) {
      throw unavailable('The log cannot be asked how far it is.', 2, error);
    }
  }
}

function maySee({ id, roles }: Caller, { ownerId }: EffectiveAccess): boolean {
  return id === ownerId || roles.some((role) => role === 'reviewer' || role === 'auditor' || role === 'operator');
}

function shown(
  access: EffectiveAccess,
  points: readonly PointReport[],
  observed: readonly ObservedRoute[],
): ShownAccess {
  const {
    applicationId,
    clientId,
    name,
    kind,
    clientType,
    status,
    why,
    scopes,
    approvalVersion,
    expiresAt,
    epoch,
    purposesOfUse,
    endpoints,
  } = access;
  return {
    applicationId,
    clientId,
    name,
    kind,
    clientType,
    status,
    ...(why === undefined ? {} : { why }),
    scopes: [...scopes],
    ...(approvalVersion === undefined ? {} : { approvalVersion }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    epoch,
    purposesOfUse: [...purposesOfUse],
    endpoints: [...endpoints],
    ...(observed.length === 0 ? {} : { observed: observed.map(shownRoute) }),
    enforcementPoints: points.map((point) => ({
      id: point.id,
      kind: point.kind,
      positions: positionsOf(point, applicationId),
      appliedAt: point.appliedAt,
    })),
  };
}

function shownRoute({ endpoint, interactions, until }: ObservedRoute) {
  return { endpoint, ...(interactions === undefined ? {} : { interactions: [...interactions] }), until };
}

/** The last record that a point had applied in each partition that the application stands in. */
function positionsOf({ positions }: PointReport, applicationId: string): string[] {
  const partition = partitionOf(applicationId);
  return Object.entries(positions).flatMap(([topic, offsets]) => {
    const next = BigInt(offsets[partition] ?? '0');
    return next > 0n ? [formatPosition({ topic, partition, offset: next - 1n })] : [];
  });
}
