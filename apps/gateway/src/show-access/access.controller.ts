import { AnyParty, ApiTags, type Caller, CurrentCaller, type Position, SeenPositions, Shows, UuidParam } from '#host';
import { Controller, Get } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ShowAccess } from './show-access.query.js';
import { shownAccess } from './shown-access.js';

@Controller('access/applications')
@ApiTags('access')
export class AccessController {
  constructor(private readonly queries: QueryBus) {}

  /** What an application may do now, why, until when, and how far each enforcement point is. */
  @Get(':id')
  @AnyParty()
  @Shows(shownAccess)
  show(@UuidParam() id: string, @CurrentCaller() caller: Caller, @SeenPositions() seen: readonly Position[]) {
    return this.queries.execute(new ShowAccess(id, seen, caller));
  }
}
