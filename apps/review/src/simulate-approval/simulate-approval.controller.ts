import type { Position } from '#contracts';
import { ApiResponse, ApiTags, Problems, Roles, SeenPositions } from '#host';
import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { SimulateApproval } from './simulate-approval.query.js';
import { NewSimulation, simulationSchema } from './simulation.dto.js';

@Controller('access/simulations')
@ApiTags('review')
export class SimulateApprovalController {
  constructor(private readonly queries: QueryBus) {}

  /** What a narrower approval would have denied in the last days, by the calls that were made. It changes nothing. */
  @Post()
  @HttpCode(200)
  @Roles('reviewer', 'operator')
  @ApiResponse({
    status: 200,
    description: 'What would have become of the calls.',
    content: { 'application/json': { schema: simulationSchema } },
  })
  @Problems(400, 401, 403, 404, 413, 415, 422, 500, 503)
  simulate(@Body() body: NewSimulation, @SeenPositions() seen: readonly Position[]) {
    return this.queries.execute(new SimulateApproval(body, seen));
  }
}
