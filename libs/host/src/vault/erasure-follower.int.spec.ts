import { randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import { encodeErasure, erasuresTopic } from '#contracts';
import { TopicAppender, type LogSettings } from '#event-log';
import { cuttableProxy, startTestService, testIssuer, type TestIssuer, type TestService, quietLog } from '#testing';
import { OwnerErased, VaultUnavailable, type Vault } from '#vault';
import { Client } from 'pg';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { HealthRegistry } from '../health/health-registry.js';
import { createService } from '../service/create-service.js';
import { ErasureFollower } from './erasure-follower.js';
import { VAULT } from './vault-provider.js';

@Module({})
class NothingModule {}
/** A service that uses the log by its name, and does nothing but follow erasures. */
const part = { name: 'review', defaultPort: 0, module: NothingModule };
const tables = ['owners', 'subjects', 'sealed', 'system_keys', 'erasures_read'] as const;

describe('erasures in the log', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let sql: Client;
  let settings: LogSettings;
  let appender: TopicAppender;
  let running: TestService[];

  beforeEach(async () => {
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    sql = new Client({ connectionString: own.databaseUrl });
    await sql.connect();
    settings = quietLog(own);
    appender = new TopicAppender(settings, erasuresTopic);
    running = [];
  }, 30_000);
  afterEach(async () => {
    await Promise.all(running.map((service) => service.close()));
    await Promise.all([appender.close(), sql.end(), issuer.close()]);
    await own.dispose();
  }, 30_000);

  async function start(environment: Record<string, string> = {}, waitUntilReady = true): Promise<TestService> {
    const log = { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix, ...environment };
    const service = await startTestService(part, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: log,
      waitUntilReady,
    });
    running.push(service);
    return service;
  }
  const environmentOf = () => ({
    GATEHOUSE_DEV: '1',
    LOG_LEVEL: 'silent',
    KAFKA_BROKERS: own.brokers,
    KAFKA_TOPIC_PREFIX: own.prefix,
    DATABASE_URL: own.databaseUrl,
    PORT: '0',
    PUBLIC_URL: 'http://127.0.0.1',
    VAULT_KEY: Buffer.alloc(32, 7).toString('base64'),
  });
  const vaultOf = (service: TestService) => service.app.get<Vault>(VAULT);

  async function erase(subject: string): Promise<void> {
    const meta = { id: randomUUID(), subject, time: new Date().toISOString(), actor: 'test' };
    const value = encodeErasure({ reason: 'requested' }, { ...meta, correlationId: 'c', causationId: 'c' });
    await appender.append(0, { key: subject, value });
  }

  /** Resolves when a service has carried out all that the topic holds. */
  async function caughtUp(offset: number): Promise<void> {
    for (const until = Date.now() + 20_000; Date.now() < until;) {
      const { rows } = await sql.query<{ next: string }>('SELECT next_offset AS next FROM vault.erasures_read');
      if (Number(rows[0]?.next ?? 0) >= offset) return;
    }
    throw new Error('the erasures were not carried out');
  }

  const keep = async (suffix: string) => {
    for (const table of tables) await sql.query(`CREATE TABLE public.${table}_${suffix} AS TABLE vault.${table}`);
  };
  /** What restoring an earlier copy of the vault leaves. */
  const putBack = async (suffix: string) => {
    await sql.query('BEGIN');
    await sql.query(`TRUNCATE ${tables.map((table) => `vault.${table}`).join()}`);
    for (const table of tables) await sql.query(`INSERT INTO vault.${table} SELECT * FROM public.${table}_${suffix}`);
    await sql.query('COMMIT');
  };

  it('are carried out by whoever is there, and every instance forgets whom it knew', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    const id = await vaultOf(one).subjectId('i', 'ada', { name: 'Ada' });
    expect(await vaultOf(two).subjectId('i', 'ada', { name: 'Ada' })).toBe(id);
    await erase(id);
    await caughtUp(1);
    for (const vault of [one, two].map(vaultOf)) {
      expect(await vault.lookupSubject(id)).toBeUndefined();
      await expect(vault.seal(id, 'late')).rejects.toThrow(OwnerErased);
    }
    // The topic brings it to each in its own time; until then an instance may take them for who they were.
    const after = await settled(() => vaultOf(one).subjectId('i', 'ada', { name: 'Ada' }), id);
    expect(await settled(() => vaultOf(two).subjectId('i', 'ada', { name: 'Ada' }), id)).toBe(after);
  }, 60_000);

  it('hold when an earlier copy of the vault is put back, before it gives anything out', async () => {
    const service = await start();
    const [gone, stays] = await Promise.all([
      vaultOf(service).subjectId('i', 'gone', { name: 'Gone' }),
      vaultOf(service).subjectId('i', 'stays', { name: 'Stays' }),
    ]);
    const sealed = await vaultOf(service).seal(gone, { email: 'gone@example.org' });
    await keep('before');
    await erase(gone);
    await caughtUp(1);
    await service.close();
    await putBack('before');
    expect((await sql.query('SELECT 1 FROM vault.subjects')).rowCount).toBe(2);

    // While the brokers cannot be asked nobody knows who must not come back, and nothing is given out.
    const [host = '', port = ''] = own.brokers.split(':');
    const proxy = await cuttableProxy({ host, port: Number(port) });
    await proxy.cut();
    const cut = await start({ KAFKA_BROKERS: `127.0.0.1:${String(proxy.port)}` }, false);
    for (const asked of [
      vaultOf(cut).lookupSubject(gone),
      vaultOf(cut).lookupSubject(stays),
      vaultOf(cut).open(sealed),
    ])
      await expect(asked).rejects.toThrow(VaultUnavailable);
    await expect(vaultOf(cut).subjectId('i', 'gone')).rejects.toThrow(VaultUnavailable);
    expect((await cut.call('/health/ready')).status).toBe(503);
    await cut.close();
    await proxy.close();

    const again = await start();
    expect(await vaultOf(again).lookupSubject(gone)).toBeUndefined();
    expect(await vaultOf(again).open(sealed)).toBeUndefined();
    expect(await vaultOf(again).lookupSubject(stays)).toMatchObject({ name: 'Stays' });
    expect(await vaultOf(again).subjectId('i', 'gone')).not.toBe(gone);
  }, 60_000);

  it('hold when it is put back under a running service', async () => {
    const service = await start();
    const id = await vaultOf(service).subjectId('i', 'gone', { name: 'Gone' });
    await keep('before');
    await erase(id);
    await caughtUp(1);
    await putBack('before');
    await caughtUp(1);
    await service.app.get(HealthRegistry).untilReady();
    expect(await vaultOf(service).lookupSubject(id)).toBeUndefined();
  }, 60_000);

  it('hold when one more comes before anybody has seen that it was put back', async () => {
    const service = await start();
    const [gone, next] = await Promise.all([
      vaultOf(service).subjectId('i', 'gone', { name: 'Gone' }),
      vaultOf(service).subjectId('i', 'next', { name: 'Next' }),
    ]);
    const sealed = await vaultOf(service).seal(gone, { email: 'gone@example.org' });
    await keep('before');
    await erase(gone);
    await caughtUp(1);
    await putBack('before');
    await erase(next);
    await caughtUp(2);
    expect((await sql.query('SELECT 1 FROM vault.subjects')).rowCount).toBe(0);
    await service.app.get(HealthRegistry).untilReady();
    expect(await vaultOf(service).lookupSubject(gone)).toBeUndefined();
    expect(await vaultOf(service).open(sealed)).toBeUndefined();
  }, 60_000);

  it('are not lost when the service ends between the event and its effect', async () => {
    const service = await start();
    const id = await vaultOf(service).subjectId('i', 'gone', { name: 'Gone' });
    await service.close();
    await erase(id);
    expect(await vaultOf(await start()).lookupSubject(id)).toBeUndefined();
  }, 60_000);

  it('are never put off to a topic that is not that of the vault', async () => {
    const service = await start();
    await vaultOf(service).subjectId('i', 'ada');
    await service.close();
    await sql.query('INSERT INTO vault.erasures_read (next_offset) VALUES (7)');
    const ended = Promise.withResolvers<unknown>();
    const stranger = await createService(part, environmentOf(), ended.resolve);
    await expect(ended.promise).resolves.toMatchObject({ code: 'history-lost' });
    await expect(stranger.app.get<Vault>(VAULT).lookupSubject(randomUUID())).rejects.toThrow(VaultUnavailable);
    await stranger.close();
  }, 60_000);

  it('are carried out again and again while Postgres refuses them, and no service ends of it', async () => {
    const service = await start();
    const id = await vaultOf(service).subjectId('i', 'gone', { name: 'Gone' });
    await sql.query('CREATE SEQUENCE public.refused');
    // As a standby that was not promoted does; a sequence counts what is rolled back, too.
    await sql.query(`CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM nextval('public.refused'); RAISE EXCEPTION 'read-only' USING ERRCODE = '25006'; END $$`);
    await sql.query(`CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON vault.owners
      FOR EACH ROW EXECUTE FUNCTION public.refuse()`);
    await erase(id);
    const tries = async () =>
      (await sql.query<{ last_value: string }>('SELECT last_value FROM public.refused')).rows[0]?.last_value;
    for (const until = Date.now() + 20_000; Number(await tries()) < 3;)
      if (Date.now() > until) throw new Error('it was not tried again');
    expect(await sql.query('SELECT 1 FROM vault.subjects WHERE id = $1', [id])).toMatchObject({ rowCount: 1 });
    await sql.query('DROP TRIGGER refuse ON vault.owners');
    await caughtUp(1);
    expect(await vaultOf(service).lookupSubject(id)).toBeUndefined();
    expect((await service.call('/health/ready')).status).toBe(200);
  }, 60_000);

  it('are asked for again where Postgres does not tell how far they were read, and no service ends of it', async () => {
    const ended: unknown[] = [];
    const service = await createService(part, environmentOf(), (error) => void ended.push(error));
    await service.ready();
    const id = await service.app.get<Vault>(VAULT).subjectId('i', 'gone', { name: 'Gone' });
    await sql.query('CREATE SEQUENCE public.asked');
    await sql.query(`CREATE FUNCTION public.refuse() RETURNS bigint LANGUAGE plpgsql AS
      $$ BEGIN PERFORM nextval('public.asked'); RAISE EXCEPTION 'in the middle of a restore' USING ERRCODE = '42P01'; END $$`);
    await sql.query('ALTER TABLE vault.erasures_read RENAME TO erasures_kept');
    await sql.query('CREATE VIEW vault.erasures_read AS SELECT public.refuse() AS next_offset');
    const asked = async () =>
      (await sql.query<{ is_called: boolean }>('SELECT is_called FROM public.asked')).rows[0]?.is_called;
    for (const until = Date.now() + 20_000; (await asked()) !== true;)
      if (Date.now() > until) throw new Error('nobody asked');
    await sql.query('DROP VIEW vault.erasures_read');
    await sql.query('ALTER TABLE vault.erasures_kept RENAME TO erasures_read');
    await erase(id);
    await caughtUp(1);
    expect(ended).toEqual([]);
    await service.close();
  }, 60_000);

  it('are carried out by one that is asked to, at once', async () => {
    const service = await start();
    const id = await vaultOf(service).subjectId('i', 'ada', { name: 'Ada' });
    await service.app.get(ErasureFollower).carryOut(id, new Date().toISOString());
    expect(await vaultOf(service).subjectId('i', 'ada', { name: 'Ada' })).not.toBe(id);
  }, 60_000);
});

/** What is answered once it is another than before. */
async function settled(ask: () => Promise<string>, before: string): Promise<string> {
  for (const until = Date.now() + 20_000; Date.now() < until;) {
    const answer = await ask();
    if (answer !== before) return answer;
  }
  throw new Error('it stays as it was');
}
