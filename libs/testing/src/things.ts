import {
  Answer,
  AnyParty,
  type Caller,
  CommandContext,
  type CommandRequest,
  Commands,
  Creates,
  CurrentCaller,
  decodeCursor,
  DirectRoutes,
  Lists,
  malformed,
  Nested,
  PageQuery,
  Public,
  Reads,
  refusalToProblem,
  Roles,
  SeenPositions,
  unavailable,
  UuidParam,
} from '#host';
import { formatPosition, type Position } from '#contracts';
import { Body, Controller, Get, HttpCode, Module, type OnModuleInit, Post, Query } from '@nestjs/common';
import { IsIn, IsInt, IsOptional, IsString, Min } from 'class-validator';

class Purpose {
  @IsIn(['TREAT', 'HRESCH'])
  code: string;

  @IsOptional()
  @IsString()
  justification?: string;
}

class NewThing {
  @IsString()
  name: string;

  @Nested(() => Purpose, { each: true })
  purposes: Purpose[];
}

class ThingsQuery extends PageQuery {
  @IsOptional()
  @IsIn(['red', 'blue'])
  colour?: string;
}

class Rename {
  @IsInt()
  @Min(0)
  times: number;
}

const thing = { type: 'object' as const, properties: { id: { type: 'string' as const } } };

@Controller('things')
class ThingsController {
  @Post()
  @Roles('developer')
  @Creates(thing)
  create(@Body() body: NewThing, @CommandContext() command: CommandRequest) {
    return Answer.created(
      { ...body, command },
      { location: '/things/1', version: 1, position: { topic: 't', partition: 2, offset: 3n } },
    );
  }

  @Get()
  @AnyParty()
  @Lists(thing)
  list(@Query() query: ThingsQuery, @SeenPositions() seen: readonly Position[]) {
    if (query.cursor !== undefined) decodeCursor(query.cursor, ['string', 'number']);
    return { items: [], query, seen: seen.map(formatPosition) };
  }

  @Get(':id')
  @Roles('auditor', 'operator')
  @Reads(thing)
  read(@UuidParam() id: string, @CurrentCaller() caller: Caller) {
    return Answer.ok({ id, caller }, { version: 7 });
  }

  @Post(':id/naming')
  @Roles('operator')
  @Commands(thing)
  rename(@Body() body: Rename) {
    if (body.times > 9)
      throw refusalToProblem({
        status: 422,
        type: 'too-many-names',
        title: 'Too many names',
        detail: 'At most 9.',
        errors: [{ pointer: '/times', detail: 'at most 9' }],
      });
    if (body.times === 9) throw new Error('the secret is swordfish');
    return Answer.accepted('things', 'abc');
  }

  @Get('open/door')
  @Public()
  door() {
    return { open: true };
  }
}

@Controller()
@Public()
class OpenController {
  @Get(['oauth/open', 'patients/open', 'fhir'])
  open() {
    return {};
  }

  @Post('oauth/things/:id/closure')
  @Roles('operator')
  close() {
    return {};
  }
}

/** A route that an ordinary request reaches before the router. */
@Controller('oauth/counts')
class CountsController implements OnModuleInit {
  constructor(private readonly direct: DirectRoutes) {}

  onModuleInit(): void {
    this.direct.json('/oauth/counts', ['operator'], async (body) => this.count(body));
  }

  @Post()
  @HttpCode(200)
  @Roles('operator')
  count(@Body() body: unknown) {
    if (!Array.isArray(body)) throw malformed('This is no list.', [{ pointer: '', detail: 'must be a list' }]);
    if (body.length === 2) throw unavailable('Not now.', 2);
    if (body.length === 3) throw new Error('the secret is swordfish');
    return { count: body.length };
  }
}

/** A service that has one of each kind of route. */
@Module({ controllers: [ThingsController, OpenController, CountsController] })
export class ThingsModule {}

export const things = { name: 'things', defaultPort: 0, module: ThingsModule };
