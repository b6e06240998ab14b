import { types } from 'node:util';
import { testAuthority } from '#testing';
import { Module } from '@nestjs/common';
import { startPostgres } from '../../../../scripts/infrastructure/postgres.mjs';
import { createService, type RunningService } from '../service/create-service.js';
import { Database } from './database.js';

@Module({})
class NothingModule {}

describe('TLS to Postgres', () => {
  const authority = testAuthority();
  const another = testAuthority('Another authority');
  const own = authority.issue('postgres');
  const running: RunningService[] = [];
  let guarded: Awaited<ReturnType<typeof startPostgres>>;
  let plain: Awaited<ReturnType<typeof startPostgres>>;

  beforeAll(async () => {
    [guarded, plain] = await Promise.all([startPostgres({ tls: { ...own, clientCa: authority.ca } }), startPostgres()]);
  });
  afterEach(() => Promise.all(running.splice(0).map((service) => service.close())));
  afterAll(() => Promise.all([guarded.stop(), plain.stop()]));

  /** The service, or what its process would end with. */
  async function start(databaseUrl: string, environment: Record<string, string>): Promise<RunningService | Error> {
    const ended = Promise.withResolvers<unknown>();
    const service = await createService(
      { name: 'nothing', defaultPort: 0, module: NothingModule },
      {
        GATEHOUSE_DEV: '1',
        LOG_LEVEL: 'silent',
        KAFKA_BROKERS: '127.0.0.1:1',
        DATABASE_URL: databaseUrl,
        PORT: '0',
        PUBLIC_URL: 'http://127.0.0.1',
        VAULT_KEY: Buffer.alloc(32).toString('base64'),
        ...environment,
      },
      ended.resolve,
    );
    running.push(service);
    const end = await Promise.race([ended.promise, service.ready()]);
    // It may be of another realm than this test's.
    return types.isNativeError(end) ? new Error(end.message) : service;
  }

  const byAddress = () => guarded.url;
  const byName = () => guarded.url.replace('@127.0.0.1:', '@localhost:');

  it.each([
    ['its address', byAddress],
    ['its name', byName],
  ])('is spoken with a server whose certificate is of our own authority and names it by %s', async (_, url) => {
    const service = await start(url(), { DATABASE_TLS: '1', DATABASE_TLS_CA: authority.ca });
    if (service instanceof Error) throw service;
    const [session] = await service.app
      .get(Database)
      .query('SELECT ssl, version, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    expect(session).toEqual({ ssl: true, version: 'TLSv1.3', client_dn: null });
  });

  it('shows a certificate of its own where it has one', async () => {
    const { cert, key } = authority.issue('gatehouse');
    const environment = { DATABASE_TLS_CA: authority.ca, DATABASE_TLS_CERT: cert, DATABASE_TLS_KEY: key };
    const service = await start(guarded.url, { DATABASE_TLS: '1', ...environment });
    if (service instanceof Error) throw service;
    const [session] = await service.app
      .get(Database)
      .query('SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    expect(session).toEqual({ client_dn: '/CN=gatehouse' });
  });

  it.each([
    ['a certificate of an authority that is not ours', byAddress, { DATABASE_TLS_CA: another.ca }, /certificate/],
    ['a certificate of an authority that is not public', byAddress, {}, /certificate/],
    [
      'a certificate for another host',
      () => guarded.url.replace('@127.0.0.1:', '@127.1:'),
      { DATABASE_TLS_CA: authority.ca },
      /altnames/,
    ],
    ['a server without TLS', () => plain.url, { DATABASE_TLS_CA: authority.ca }, /does not support SSL/],
  ])('ends the start at %s: nothing is sent there', async (_, url, environment, message) => {
    const end = await start(url(), { DATABASE_TLS: '1', ...environment });
    expect(end instanceof Error ? end.message : 'it connected').toMatch(message);
  });
});
