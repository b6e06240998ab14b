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
import { LessThan, MoreThan } from 'typeorm';
import { StoredApplication, StoredEvent } from './application.entity.js';
import type { ApplicationsQuery } from './applications-query.js';
import { ApplicationPresenter } from './application-presenter.js';
import { applicationsProjection } from './applications.projection.js';

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
    const rows = await this.database.read((manager) =>
      manager.find(StoredApplication, {
        where: {
          ...seenBy(caller),
          ...(asked.status === undefined ? {} : { status: asked.status }),
          ...(asked.kind === undefined ? {} : { kind: asked.kind }),
          ...(asked.cursor === undefined ? {} : { id: LessThan(idIn(asked.cursor)) }),
        },
        order: { id: 'DESC' },
        take: asked.limit + 1,
      }),
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
    const row = await this.database.read((manager) => manager.findOneBy(StoredApplication, { id, ...seenBy(caller) }));
    if (row === null) throw notFound();
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
    const after = asked.cursor === undefined ? 0 : versionIn(asked.cursor);
    const rows = await this.database.read(async (manager) => {
      if (!(await manager.existsBy(StoredApplication, { id, ...seenBy(caller) }))) throw notFound();
      return manager.find(StoredEvent, {
        where: { applicationId: id, version: MoreThan(after) },
        order: { version: 'ASC' },
        take: asked.limit + 1,
      });
    });
    return pageOf(
      rows,
      asked.limit,
      ({ applicationId: _, time, ...event }) => ({ ...event, time: time.toISOString() }),
      ({ version }) => [version],
    );
  }
}

/** The last application of the page before. */
function idIn(cursor: string): string {
  const [id] = decodeCursor(cursor, ['string']);
  if (typeof id !== 'string' || !isId(id))
    throw malformed('The cursor is not one of this list.', [
      { pointer: '/cursor', detail: 'must be the `next` of a page of this list' },
    ]);
  return id;
}

/** The last event of the page before. */
function versionIn(cursor: string): number {
  const [version] = decodeCursor(cursor, ['number']);
  if (!Number.isInteger(version) || Number(version) < 0 || Number(version) > 2 ** 31 - 1)
    throw malformed('The cursor is not one of this list.', [
      { pointer: '/cursor', detail: 'must be the `next` of a page of this list' },
    ]);
  return Number(version);
}

/** What a developer is held to: applications of their own. */
function seenBy(caller: Caller): { readonly ownerId?: string } {
  const seesAll = caller.roles.some((role) => role === 'reviewer' || role === 'auditor' || role === 'operator');
  return seesAll ? {} : { ownerId: caller.id };
}
