import type { Position } from '#contracts';
import { ApiTags, Roles, SeenPositions, Shows, UuidParam } from '#host';
import { Controller, Get } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ShowTimeline } from './show-timeline.query.js';
import { timelineSchema } from './timeline-dto.js';

@Controller('audit/applications')
@ApiTags('audit')
export class TimelineController {
  constructor(private readonly queries: QueryBus) {}

  /**
   * Who registered it, what was asked, who approved what, when tokens were issued, what was accessed: one page. Owners,
   * reviewers and operators have names where the vault knows them; users and patients are ids alone.
   */
  @Get(':id/timeline')
  @Roles('auditor', 'reviewer', 'operator')
  @Shows(timelineSchema)
  show(@UuidParam() id: string, @SeenPositions() seen: readonly Position[]) {
    return this.queries.execute(new ShowTimeline(id, seen));
  }
}
