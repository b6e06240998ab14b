import { startTestService, testDatabase, testIssuer, type TestDatabase, type TestIssuer, type TestService } from '#testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Module, Post, Query } from '@nestjs/common';
import { IsIn, IsInt, IsOptional, IsString, Min } from 'class-validator';
import { Answer } from '../answer/answer.js';
import { Commands, Creates, Lists, Reads } from '../answer/answers-documented.js';
import { CurrentCaller, type Caller } from '../identity/caller.js';
import { AnyParty, Public, Roles } from '../identity/route-access.js';
import { refusalToProblem } from '../problem/refusal.js';
import { CommandContext, SeenPositions, type CommandRequest } from '../request/command-headers.js';
import { Nested } from '../request/nested.js';
import { PageQuery, decodeCursor } from '../request/page.js';
import type { Position } from '../request/position.js';
import { UuidParam } from '../request/uuid-param.js';

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
    return Answer.created({ ...body, command }, { location: '/things/1', version: 1, position: { topic: 't', partition: 2, offset: '3' } });
  }

  @Get()
  @AnyParty()
  @Lists(thing)
  list(@Query() query: ThingsQuery, @SeenPositions() seen: readonly Position[]) {
    if (query.cursor !== undefined) decodeCursor(query.cursor, ['string', 'number']);
    return { items: [], query, seen };
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
    if (body.times > 9) throw refusalToProblem({ status: 422, type: 'too-many-names', title: 'Too many names', detail: 'At most 9.', errors: [{ pointer: '/times', detail: 'at most 9' }] });
    if (body.times === 9) throw new Error('the secret is swordfish');
    return Answer.accepted('things', 'abc');
  }

  @Get('open/door')
  @Public()
  door() {
    return { open: true };
  }
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

const things = { name: 'things', defaultPort: 0, module: ThingsModule };
const id = '01890000-0000-7000-8000-000000000001';

describe('a service', () => {
  let database: TestDatabase;
  let issuer: TestIssuer;
  let service: TestService;

  beforeAll(async () => {
    [database, issuer] = await Promise.all([testDatabase(), testIssuer()]);
    service = await startTestService(things, { database, issuer });
  }, 30_000);

  afterAll(async () => {
    await service.close();
    await Promise.all([database.drop(), issuer.close()]);
  });

  it('answers a creation with Location, ETag, position and what the request carried', async () => {
    const headers = { ...(await issuer.bearer('dev', 'developer')), 'idempotency-key': 'k 1', 'if-match': '"4"', 'x-correlation-id': 'c-1' };
    const response = await service.call('/things', { headers, json: { name: 'a', purposes: [{ code: 'TREAT' }] } });
    const body = await response.json();
    expect(response.status).toBe(201);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      location: '/things/1',
      etag: '"1"',
      'gatehouse-position': 't:2:3',
      'x-correlation-id': 'c-1',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(body).toMatchObject({
      name: 'a',
      command: { idempotencyKey: 'k 1', expectedVersion: 4, correlationId: 'c-1', method: 'POST', path: '/things', caller: { subject: 'dev', roles: ['developer'] } },
    });
  });
});
