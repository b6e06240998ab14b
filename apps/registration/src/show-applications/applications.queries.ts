import { isId, type Position } from '#contracts';
import {
  Database,
  decodeCursor,
  InjectProjection,
  malformed,
  notFound,
  pageOf,
  type Caller,
  type Page,
  type PageQuery,
  type ProjectionReadiness,
} from '#host';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { ApplicationsQuery } from './applications-query.js';
import { ApplicationPresenter } from './application-presenter.js';
import { applicationsProjection } from './applications.projection.js';

interface HistoryRow {
  readonly id: string;
  readonly version: number;
  readonly type: string;
  readonly time: Date;
  readonly actor: string;
  readonly correlation_id: string;
  readonly position: string;
  readonly data: object;
}

/** Applications, the newest first: a developer's own, or all. */
export class ListApplications extends Query<Page<unknown>> {
  constructor(
    readonly asked: ApplicationsQuery,
    readonly seen: readonly Position[],
    readonly caller: Caller,
  ) {
    super();
  }
}

@QueryHandler(ListApplications)
export class ListApplicationsHandler implements IQueryHandler<ListApplications> {
  constructor(
    private readonly database: Database,
    @InjectProjection(applicationsProjection) private readonly projection: ProjectionReadiness,
    private readonly presenter: ApplicationPresenter,
  ) {}

  async execute({ asked, seen, caller }: ListApplications): Promise<Page<unknown>> {
    await this.projection.reached(seen);
    const before = asked.cursor === undefined ? null : idIn(asked.cursor);
    const rows = await this.database.query<{ id: string; view: object }>(
      `SELECT id, view FROM projection.applications
       WHERE ($1::text IS NULL OR owner_id = $1) AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR kind = $3)
         AND ($4::uuid IS NULL OR id < $4)
       ORDER BY id DESC LIMIT $5`,
      [ownerSeenBy(caller), asked.status ?? null, asked.kind ?? null, before, asked.limit + 1],
    );
    const page = pageOf(
      rows,
      asked.limit,
      ({ view }) => view,
      ({ id }) => [id],
    );
    return { ...page, items: await Promise.all(page.items.map((item) => this.presenter.present(item, caller))) };
  }
}

/** One application as it stands now, and its version; 404 for who may not see it. */
export class ReadApplication extends Query<{ readonly application: unknown; readonly version: number }> {
  constructor(
    readonly id: string,
    readonly seen: readonly Position[],
    readonly caller: Caller,
  ) {
    super();
  }
}

@QueryHandler(ReadApplication)
export class ReadApplicationHandler implements IQueryHandler<ReadApplication> {
  constructor(
    private readonly database: Database,
    @InjectProjection(applicationsProjection) private readonly projection: ProjectionReadiness,
    private readonly presenter: ApplicationPresenter,
  ) {}

  async execute({ id, seen, caller }: ReadApplication) {
    await this.projection.reached(seen);
    const [row] = await this.database.query<{ view: object; version: number }>(
      `SELECT view, version FROM projection.applications WHERE id = $1 AND ($2::text IS NULL OR owner_id = $2)`,
      [id, ownerSeenBy(caller)],
    );
    if (row === undefined) throw notFound();
    return { application: await this.presenter.present(row.view, caller), version: row.version };
  }
}

/** Every event of an application, the first one first; 404 for who may not see it. */
export class ReadHistory extends Query<Page<unknown>> {
  constructor(
    readonly id: string,
    readonly asked: PageQuery,
    readonly seen: readonly Position[],
    readonly caller: Caller,
  ) {
    super();
  }
}

@QueryHandler(ReadHistory)
export class ReadHistoryHandler implements IQueryHandler<ReadHistory> {
  constructor(
    private readonly database: Database,
    @InjectProjection(applicationsProjection) private readonly projection: ProjectionReadiness,
  ) {}

  async execute({ id, asked, seen, caller }: ReadHistory) {
    await this.projection.reached(seen);
    const [after] = asked.cursor === undefined ? [] : decodeCursor(asked.cursor, ['number']);
    const [application] = await this.database.query(
      `SELECT 1 FROM projection.applications WHERE id = $1 AND ($2::text IS NULL OR owner_id = $2)`,
      [id, ownerSeenBy(caller)],
    );
    if (application === undefined) throw notFound();
    const rows = await this.database.query<HistoryRow>(
      `SELECT id, version, type, time, actor, correlation_id, position, data FROM projection.application_history
       WHERE application_id = $1 AND version > $2 ORDER BY version LIMIT $3`,
      [id, after ?? 0, asked.limit + 1],
    );
    return pageOf(
      rows,
      asked.limit,
      ({ correlation_id: correlationId, time, ...row }) => ({ ...row, time: time.toISOString(), correlationId }),
      ({ version }) => [version],
    );
  }
}

/** The last application of the page before. */
function idIn(cursor: string): string {
  const [id] = decodeCursor(cursor, ['string']);
  if (typeof id !== 'string' || !isId(id)) throw malformed('The cursor is not one of this list.');
  return id;
}

/** Whose applications alone a caller sees; null for those who see all. */
function ownerSeenBy(caller: Caller): string | null {
  return caller.roles.some((role) => role === 'reviewer' || role === 'auditor' || role === 'operator')
    ? null
    : caller.id;
}
