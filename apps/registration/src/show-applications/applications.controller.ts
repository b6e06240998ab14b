import {
  Answer,
  AnyParty,
  ApiTags,
  type Caller,
  CurrentCaller,
  Lists,
  MintedId,
  PageQuery,
  type Position,
  Reads,
  SeenPositions,
} from '#host';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { applicationSchema } from './application.schema.js';
import { ApplicationsQuery } from './applications-query.js';
import { ListApplications, ReadApplication, ReadHistory } from './applications.queries.js';
import { historySchema } from './history.schema.js';

@Controller('registration/applications')
@ApiTags('registration')
@AnyParty()
export class ApplicationsController {
  constructor(private readonly queries: QueryBus) {}

  /** Applications, the newest first: a developer's own, or all. */
  @Get()
  @Lists(applicationSchema)
  list(@Query() asked: ApplicationsQuery, @SeenPositions() seen: readonly Position[], @CurrentCaller() caller: Caller) {
    return this.queries.execute(new ListApplications(asked, seen, caller));
  }

  /** One application as it stands now. */
  @Get(':id')
  @Reads(applicationSchema)
  async read(@MintedId() id: string, @SeenPositions() seen: readonly Position[], @CurrentCaller() caller: Caller) {
    const { application, version } = await this.queries.execute(new ReadApplication(id, seen, caller));
    return Answer.ok(application, { version });
  }

  /** Every event of an application, the first one first. */
  @Get(':id/history')
  @Lists(historySchema)
  history(
    @MintedId() id: string,
    @Query() asked: PageQuery,
    @SeenPositions() seen: readonly Position[],
    @CurrentCaller() caller: Caller,
  ) {
    return this.queries.execute(new ReadHistory(id, asked, seen, caller));
  }
}
