import { asyncApiDocument, channels, goldenRecords } from '#contracts';
import type { LogSettings } from '#event-log';
import { Controller, Get, Inject } from '@nestjs/common';
import { ApiExcludeController } from './described.js';
import { Public } from '../identity/route-access.js';
import { LOG_SETTINGS } from '../log/log-startup.js';
import { UsedTopics } from '../log/used-topics.js';
import { notFound } from '../problem/problem-exception.js';
import { PRODUCT, type Product } from './product.js';

/** `/docs/asyncapi.json`: the Kafka contract, of the topics that this process uses; 404 in a process without any. */
@Controller('docs')
@ApiExcludeController()
@Public()
export class AsyncApiController {
  #golden: ReturnType<typeof goldenRecords> | undefined;

  constructor(
    @Inject(PRODUCT) private readonly product: Product,
    @Inject(LOG_SETTINGS) private readonly settings: LogSettings,
    private readonly topics: UsedTopics,
  ) {}

  @Get('asyncapi.json')
  document(): object {
    const use = this.topics.all();
    if (use.sends.length + use.receives.length === 0) throw notFound();
    this.#golden ??= goldenRecords();
    return asyncApiDocument({ ...this.product, prefix: this.settings.prefix, channels, use, golden: this.#golden });
  }
}
