import { isId } from '#contracts';
import {
  Answer,
  AnyParty,
  CurrentCaller,
  Database,
  decodeCursor,
  InjectProjection,
  Lists,
  malformed,
  notFound,
  PageQuery,
  pageOf,
  Reads,
  SeenPositions,
  type Caller,
  type Position,
  type ProjectionReadiness,
} from '#host';
import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { ApplicationId } from '../application-id.js';
import { applicationKinds } from '../register-application/register-application.dto.js';
import { ApplicationPresenter } from './application-presenter.js';
import { applicationSchema } from './application.schema.js';
import { applicationsProjection } from './applications.projection.js';
import { historySchema } from './history.schema.js';

export class ApplicationsQuery extends PageQuery {
  @IsOptional()
  @IsIn(applicationSchema.properties.status.enum)
  status?: string;

  @IsOptional()
  @IsIn(applicationKinds)
  kind?: string;
}

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

@Controller('registration/applications')
@ApiTags('registration')
@AnyParty()
export class ApplicationsController {
  constructor(
    private readonly database: Database,
    @InjectProjection(applicationsProjection) private readonly projection: ProjectionReadiness,
    private readonly presenter: ApplicationPresenter,
  ) {}

  /** Applications, the newest first: a developer's own, or all. */
  @Get()
  @Lists(applicationSchema)
  async list(
    @Query() query: ApplicationsQuery,
    @SeenPositions() seen: readonly Position[],
    @CurrentCaller() caller: Caller,
  ) {
    await this.projection.reached(seen);
    const before = query.cursor === undefined ? null : idIn(query.cursor);
    const rows = await this.database.query<{ id: string; view: object }>(
      `SELECT id, view FROM projection.applications
       WHERE ($1::text IS NULL OR owner_id = $1) AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR kind = $3)
         AND ($4::uuid IS NULL OR id < $4)
       ORDER BY id DESC LIMIT $5`,
      [ownerSeenBy(caller), query.status ?? null, query.kind ?? null, before, query.limit + 1],
    );
    const page = pageOf(
      rows,
      query.limit,
      ({ view }) => view,
      ({ id }) => [id],
    );
    return { ...page, items: await Promise.all(page.items.map((item) => this.presenter.present(item, caller))) };
  }

  /** One application as it stands now. */
  @Get(':id')
  @Reads(applicationSchema)
  async read(@ApplicationId() id: string, @SeenPositions() seen: readonly Position[], @CurrentCaller() caller: Caller) {
    const { view, version } = await this.seen(id, seen, caller);
    return Answer.ok(await this.presenter.present(view, caller), { version });
  }

  /** Every event of an application, the first one first. */
  @Get(':id/history')
  @Lists(historySchema)
  async history(
    @ApplicationId() id: string,
    @Query() query: PageQuery,
    @SeenPositions() seen: readonly Position[],
    @CurrentCaller() caller: Caller,
  ) {
    await this.seen(id, seen, caller);
    const [after] = query.cursor === undefined ? [] : decodeCursor(query.cursor, ['number']);
    const rows = await this.database.query<HistoryRow>(
      `SELECT id, version, type, time, actor, correlation_id, position, data FROM projection.application_history
       WHERE application_id = $1 AND version > $2 ORDER BY version LIMIT $3`,
      [id, after ?? 0, query.limit + 1],
    );
    return pageOf(
      rows,
      query.limit,
      ({ correlation_id: correlationId, time, ...row }) => ({ ...row, time: time.toISOString(), correlationId }),
      ({ version }) => [version],
    );
  }

  private async seen(id: string, seen: readonly Position[], caller: Caller) {
    await this.projection.reached(seen);
    const [row] = await this.database.query<{ view: object; version: number }>(
      `SELECT view, version FROM projection.applications WHERE id = $1 AND ($2::text IS NULL OR owner_id = $2)`,
      [id, ownerSeenBy(caller)],
    );
    if (row === undefined) throw notFound();
    return row;
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
