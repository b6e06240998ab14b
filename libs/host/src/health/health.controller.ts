import { Controller, Get } from '@nestjs/common';
import { ApiExcludeController } from '../docs/described.js';
import { Answer } from '../answer/answer.js';
import { Public } from '../identity/route-access.js';
import { HealthRegistry } from './health-registry.js';

/** `/health`: alive says only that the process answers; ready, that it may be sent requests. */
@Controller('health')
@ApiExcludeController()
@Public()
export class HealthController {
  constructor(private readonly health: HealthRegistry) {}

  @Get('live')
  live() {
    return { status: 'alive' };
  }

  @Get('ready')
  async ready() {
    const { ready, checks } = await this.health.check();
    // Why a check is down names hosts and topics: that is for the log, and this route is public.
    const shown = Object.fromEntries(Object.entries(checks).map(([name, { status }]) => [name, { status }]));
    const modes = this.health.modes();
    const said = { checks: shown, ...(modes.length === 0 ? {} : { modes }) };
    return ready ? Answer.ok({ status: 'ready', ...said }) : Answer.notReady({ status: 'not-ready', ...said });
  }
}
