import {
  cuttableProxy,
  startTestService,
  testIssuer,
  type CuttableProxy,
  type TestIssuer,
  type TestService,
} from '#testing';
import { Controller, Get, Module, Post } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Column, Entity, PrimaryColumn, Repository, type MigrationInterface, type QueryRunner } from 'typeorm';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { Roles } from '../identity/route-access.js';
import { createService } from '../service/create-service.js';
import type { ServicePart } from '../service/service-part.js';
import { Database } from './database.js';
import { DatabaseUnavailable } from './database-error.js';

@Entity({ schema: 'projection', name: 'notes' })
class Note {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  text: string;
}

class CreateNotes1763942400001 implements MigrationInterface {
  readonly name = 'CreateNotes1763942400001';
  up(runner: QueryRunner): Promise<void> {
    return runner.query('CREATE TABLE projection.notes (id text PRIMARY KEY, text text NOT NULL)');
  }
  down(runner: QueryRunner): Promise<void> {
    return runner.query('DROP TABLE projection.notes');
  }
}

class CreateSessions1763942400002 implements MigrationInterface {
  readonly name = 'CreateSessions1763942400002';
  up(runner: QueryRunner): Promise<void> {
    return runner.query('CREATE TABLE protocol.sessions (id text PRIMARY KEY)');
  }
  down(runner: QueryRunner): Promise<void> {
    return runner.query('DROP TABLE protocol.sessions');
  }
}

class Broken1763942400003 implements MigrationInterface {
  readonly name = 'Broken1763942400003';
  up(runner: QueryRunner): Promise<void> {
    return runner.query('CREATE TABLE projection.broken (nonsense)');
  }
  down(): Promise<void> {
    return Promise.resolve();
  }
}

@Controller('notes')
@Roles('operator')
class NotesController {
  constructor(
    private readonly database: Database,
    @InjectRepository(Note) private readonly notes: Repository<Note>,
  ) {}

  @Get('by-sql')
  bySql() {
    return this.database.query('SELECT * FROM projection.notes');
  }

  @Get('by-repository')
  byRepository() {
    return this.notes.find();
  }

  @Get('without')
  without() {
    return [];
  }

  @Post('half')
  half() {
    return this.database.transaction(async (manager) => {
      await manager.insert(Note, { id: 'half', text: 'half' });
      throw new Error('no');
    });
  }
}

@Module({ imports: [TypeOrmModule.forFeature([Note])], controllers: [NotesController] })
class NotesModule {}

const notes: ServicePart = {
  name: 'notes',
  defaultPort: 0,
  module: NotesModule,
  entities: [Note],
  migrations: { projection: [CreateNotes1763942400001], protocol: [CreateSessions1763942400002] },
};

describe('the database', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let proxy: CuttableProxy;
  let through: string;
  const running: TestService[] = [];

  beforeEach(async () => {
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    const url = new URL(own.databaseUrl);
    proxy = await cuttableProxy({ host: url.hostname, port: Number(url.port) });
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    through = url.href;
  });

  afterEach(async () => {
    await Promise.all(running.splice(0).map((service) => service.close()));
    await proxy.close();
    await Promise.all([own.dispose(), issuer.close()]);
  });

  async function start(part = notes, waitUntilReady = true): Promise<TestService> {
    const service = await startTestService(part, { databaseUrl: through, issuer, waitUntilReady });
    running.push(service);
    return service;
  }

  async function statuses(service: TestService): Promise<number[]> {
    const headers = await issuer.bearer('op', 'operator');
    const responses = await Promise.all(
      ['/notes/by-sql', '/notes/by-repository', '/notes/without', '/health/ready', '/health/live'].map((path) =>
        service.call(path, { headers }),
      ),
    );
    for (const response of responses.filter((each) => each.status === 503))
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    return responses.map((response) => response.status);
  }

  it('may be away at the start: the process lives, answers 503, and recovers by itself', async () => {
    await proxy.cut();
    const service = await start(notes, false);
    expect(await statuses(service)).toEqual([503, 503, 503, 503, 200]);
    await proxy.restore();
    await service.ready();
    expect(await statuses(service)).toEqual([200, 200, 200, 200, 200]);
  });

  it('may go away later: known callers go on, reads answer 503, and it recovers by itself', async () => {
    const service = await start();
    expect(await statuses(service)).toEqual([200, 200, 200, 200, 200]);
    await proxy.cut();
    expect(await statuses(service)).toEqual([503, 503, 200, 503, 200]);
    await proxy.restore();
    await service.ready();
    expect(await statuses(service)).toEqual([200, 200, 200, 200, 200]);
  });

  it('answers what waits for it when the process stops before it came', async () => {
    await proxy.cut();
    const service = await start(notes, false);
    const waiting = expect(service.app.get(Database).ready()).rejects.toThrow(DatabaseUnavailable);
    await service.close();
    await waiting;
  });

  it('keeps all of a transaction or none', async () => {
    const service = await start();
    const headers = await issuer.bearer('op', 'operator');
    expect((await service.call('/notes/half', { method: 'POST', headers })).status).toBe(500);
    expect(await (await service.call('/notes/by-sql', { headers })).json()).toEqual([]);
  });

  it('gives the rows of every kind of statement', async () => {
    const database = (await start()).app.get(Database);
    expect(await database.query("INSERT INTO projection.notes VALUES ('1', 'a') RETURNING id")).toEqual([{ id: '1' }]);
    expect(await database.query("UPDATE projection.notes SET text = 'b' RETURNING text")).toEqual([{ text: 'b' }]);
    expect(await database.query('DELETE FROM projection.notes WHERE id = $1 RETURNING id', ['1'])).toEqual([
      { id: '1' },
    ]);
    expect(await database.query("UPDATE projection.notes SET text = 'c'")).toEqual([]);
  });

  it('runs prepared statements, in a transaction all or none', async () => {
    const database = (await start()).app.get(Database);
    const insert = { name: 'insert-note', text: 'INSERT INTO projection.notes VALUES ($1, $2) RETURNING id' };
    const count = { name: 'count-notes', text: 'SELECT count(*)::int AS count FROM projection.notes' };
    expect(await database.execute(insert, ['1', 'a'])).toEqual([{ id: '1' }]);
    expect(await database.atomically((execute) => execute(insert, ['2', 'b']))).toEqual([{ id: '2' }]);
    const failing = database.atomically(async (execute) => {
      await execute(insert, ['3', 'c']);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await expect(database.atomically((execute) => execute(insert, ['1', 'again']))).rejects.toThrow('duplicate');
    expect(await database.execute(count, [])).toEqual([{ count: 2 }]);
  });

  it('outlives a connection that is lost in the middle of a transaction', async () => {
    const database = (await start()).app.get(Database);
    const one = { name: 'one', text: 'SELECT 1 AS one' };
    const cut = database.atomically(async (execute) => {
      await execute(one, []);
      await proxy.cut();
      await execute(one, []);
    });
    await expect(cut).rejects.toThrow(DatabaseUnavailable);
    await proxy.restore();
    expect(await database.atomically((execute) => execute(one, []))).toEqual([{ one: 1 }]);
  });

  it('is migrated once, however many instances start at the same time', async () => {
    const [first] = await Promise.all([start(), start(), start()]);
    const history = await first.app.get(Database).query<{ name: string }>('SELECT name FROM projection.migrations');
    const names = history.map((row) => row.name);
    expect(names).toContain('CreateNotes1763942400001');
    expect(names).toEqual([...new Set(names)]);
  });

  it('has its projections made anew after they were dropped, and keeps the rest', async () => {
    const first = await start();
    const database = first.app.get(Database);
    await database.query("INSERT INTO protocol.sessions VALUES ('kept')");
    await database.query('DROP SCHEMA projection CASCADE');
    await first.close();
    const second = (await start()).app.get(Database);
    expect(await second.query('SELECT * FROM projection.notes')).toEqual([]);
    expect(await second.query('SELECT id FROM protocol.sessions')).toEqual([{ id: 'kept' }]);
  });

  it('ends the process when a migration is wrong, and leaves nothing half done', async () => {
    const ended = Promise.withResolvers<unknown>();
    const environment = {
      GATEHOUSE_DEV: '1',
      LOG_LEVEL: 'silent',
      KAFKA_BROKERS: '127.0.0.1:1',
      DATABASE_URL: through,
      PORT: '0',
      PUBLIC_URL: 'http://127.0.0.1',
      VAULT_KEY: Buffer.alloc(32).toString('base64'),
    };
    const service = await createService(
      { ...notes, migrations: { projection: [CreateNotes1763942400001, Broken1763942400003] } },
      environment,
      ended.resolve,
    );
    await expect(ended.promise).resolves.toMatchObject({ message: expect.stringContaining('syntax error') });
    await service.close();
    const again = (await start()).app.get(Database);
    expect(await again.query('SELECT * FROM projection.notes')).toEqual([]);
  });
});
