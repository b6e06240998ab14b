import { channels } from '#contracts';
import { ApiTags, Lists, notFound, PageQuery, Roles } from '#host';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { Type as ToType } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';
import { Type } from 'typebox';
import { InspectedLog } from './inspected-log.js';

const topicSchema = Type.Object({
  topic: Type.String(),
  summary: Type.String(),
  partitions: Type.Array(
    Type.Object({
      partition: Type.Integer(),
      start: Type.String({ description: 'The first offset that is kept.' }),
      end: Type.String({ description: 'The next offset after the last record.' }),
    }),
  ),
});

const recordSchema = Type.Object({
  topic: Type.String(),
  partition: Type.Integer(),
  offset: Type.String(),
  key: Type.Optional(Type.String()),
  record: {
    type: 'object',
    additionalProperties: true,
    description: 'The CloudEvents envelope, as it stands in the log.',
  } as const,
});

/** Where to begin to read. */
export class RecordsAtQuery extends PageQuery {
  /** The first offset to show; where a cursor is given, that counts. */
  @ToType(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  from: number = 0;
}

/** The log itself, as it stands: what `npx gatehouse log inspect` shows. */
@Controller('audit/topics')
@ApiTags('audit')
@Roles('auditor', 'operator')
export class InspectLogController {
  constructor(private readonly log: InspectedLog) {}

  /** Every topic with the ends of its partitions. */
  @Get()
  @Lists(topicSchema)
  async topics(@Query() _page: PageQuery) {
    return { items: await this.log.topics() };
  }

  /** Records of a partition as they stand there, from an offset on. */
  @Get(':topic/partitions/:partition/records')
  @Lists(recordSchema)
  records(@Param('topic') topic: string, @Param('partition') partition: string, @Query() asked: RecordsAtQuery) {
    const known = channels.find((channel) => channel.topic.name === topic);
    const number = /^\d{1,4}$/.test(partition) ? Number(partition) : -1;
    if (known === undefined || number < 0 || number >= known.topic.partitions) throw notFound();
    return this.log.records({ ...asked, topic, partition: number });
  }
}
