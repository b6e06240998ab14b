import {
  applyDecorators,
  Controller,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  type OnModuleDestroy,
  type Type,
} from '@nestjs/common';
import { ApiBody, ApiResponse, ApiTags } from '../docs/described.js';
import type { LogSettings, ProjectionDefinition } from '#event-log';
import { Answer } from '../answer/answer.js';
import { Lists, Problems, Shows } from '../answer/answers-documented.js';
import { Database } from '../database/database.js';
import type { SchemaObject } from '../docs/schema-object.js';
import { Roles } from '../identity/route-access.js';
import { LOG_SETTINGS } from '../log/log-startup.js';
import { Log } from '../logging/log.js';
import { EmptyBody } from '../request/empty-body.js';
import type { Page } from '../request/page.js';
import { UuidParam } from '../request/uuid-param.js';
import { ProjectionRebuilds, type ProjectionState, type RebuildState } from './projection-rebuilds.js';

const count = { type: 'integer', minimum: 0 } as const;

const rebuildSchema: SchemaObject = {
  type: 'object',
  description: 'A rebuild of a projection: from the first record of the log, beside the live tables.',
  required: ['id', 'projection', 'version', 'status', 'stage', 'startedAt', 'events', 'eventsPerSecond', 'offsets'],
  properties: {
    id: { type: 'string', format: 'uuid' },
    projection: { type: 'string' },
    version: { type: 'integer' },
    status: {
      type: 'string',
      enum: ['running', 'succeeded', 'failed', 'interrupted'],
      description: '`interrupted`: its process ended before it did. Only one that succeeded changed anything.',
    },
    stage: { type: 'string', enum: ['replaying', 'indexing', 'swapping'] },
    startedAt: { type: 'string', format: 'date-time' },
    endedAt: { type: 'string', format: 'date-time' },
    events: { ...count, description: 'Events applied.' },
    eventsPerSecond: { ...count, description: 'While the log was read again.' },
    offsets: {
      type: 'object',
      description: 'Offsets passed, of those that the log had when it began. Control records have offsets as well.',
      required: ['done', 'of'],
      properties: { done: count, of: count },
    },
    detail: { type: 'string', description: 'Why it failed.' },
  },
};

const projectionSchema: SchemaObject = {
  type: 'object',
  required: ['name', 'version', 'tables', 'behind'],
  properties: {
    name: { type: 'string' },
    version: { type: 'integer' },
    tables: { type: 'array', items: { type: 'string' } },
    behind: { ...count, description: 'Offsets of the log that its rows do not hold yet.' },
    rebuild: rebuildSchema,
  },
};

/** 202 with `Location`, where the rebuild tells how far it is. */
function BeginsRebuild(): MethodDecorator {
  return applyDecorators(
    HttpCode(202),
    ApiBody({ required: false, schema: { type: 'object', additionalProperties: false } }),
    ApiResponse({
      status: 202,
      description: 'Begun; ask `Location` how far it is.',
      headers: { Location: { description: 'Where the rebuild is.', schema: { type: 'string' } } },
      content: { 'application/json': { schema: rebuildSchema } },
    }),
    Problems(400, 401, 403, 404, 409, 413, 415, 500, 503),
  );
}

/**
 * `GET /<context>/projections`, `POST …/{name}/rebuilds`, `GET …/{name}/rebuilds/{id}`: the projections that a context
 * serves, for operators. Every instance answers; the one that was asked to rebuild does it.
 */
export function projectionsController(context: string, definitions: readonly ProjectionDefinition[]): Type<object> {
  @Controller(`${context}/projections`)
  @ApiTags(context)
  @Roles('operator')
  class ProjectionsController implements OnModuleDestroy {
    private readonly rebuilds: ProjectionRebuilds;

    constructor(@Inject(LOG_SETTINGS) settings: LogSettings, database: Database, log: Log) {
      this.rebuilds = new ProjectionRebuilds(settings, definitions, database, log.for('projections'));
    }

    @Get()
    @Lists(projectionSchema)
    async list(): Promise<Page<ProjectionState>> {
      return { items: [...(await this.rebuilds.list())] };
    }

    @Post(':name/rebuilds')
    @BeginsRebuild()
    async rebuild(@Param('name') name: string, @EmptyBody() _: object): Promise<Answer<RebuildState>> {
      const begun = await this.rebuilds.begin(name);
      return Answer.begun(begun, `/${context}/projections/${name}/rebuilds/${begun.id}`);
    }

    @Get(':name/rebuilds/:id')
    @Shows(rebuildSchema)
    async read(@Param('name') name: string, @UuidParam() id: string): Promise<RebuildState> {
      return await this.rebuilds.find(name, id);
    }

    async onModuleDestroy(): Promise<void> {
      await this.rebuilds.close();
    }
  }
  // Operation ids are made of it, and several contexts stand in one document.
  const named = context.charAt(0).toUpperCase() + context.slice(1);
  Object.defineProperty(ProjectionsController, 'name', { value: `${named}ProjectionsController` });
  return ProjectionsController;
}
