import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '../docs/described.js';
import { Public } from '../identity/route-access.js';
import { Metrics } from './metrics.js';

/** `/metrics` in Prometheus' text format: counts and times, nothing of any request. */
@Controller('metrics')
@ApiExcludeController()
@Public()
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  read() {
    return this.metrics.registry.metrics();
  }
}
