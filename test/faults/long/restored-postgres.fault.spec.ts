import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { oauthPaths } from '#smart';
import { startTestService, testAuthorizationOf, type TestApp, type TestAuthorization } from '#testing';
import { tokenPart } from '../../../apps/token/src/token.part.js';
import { type StoppablePostgres, stoppablePostgres } from '../postgres-faults.js';

let postgres: StoppablePostgres;
let server: TestAuthorization;
let backup: string;

beforeAll(async () => {
  backup = await mkdtemp(path.join(os.tmpdir(), 'gatehouse-backup-'));
  postgres = await stoppablePostgres();
  server = await testAuthorizationOf(({ own, issuer, upstream }) =>
    startTestService(tokenPart, {
      databaseUrl: postgres.url,
      issuer,
      environment: { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix, FHIR_UPSTREAM_URL: upstream.url },
    }),
  );
}, 120_000);

afterAll(async () => {
  await server.close();
  await postgres.remove();
  await rm(backup, { recursive: true, force: true });
}, 60_000);

/** Copies files with their owners, as backups do: Node's own `cp` makes them ours. */
const copy = (from: string, to: string) => promisify(execFile)('cp', ['-a', `${from}/.`, to]);

/** Asks for a token, again as long as it is told to. */
async function ask({ client }: TestApp, assertion?: string): Promise<{ status: number; error?: string }> {
  for (let attempt = 0; attempt < 60; attempt++) {
    const made = assertion ?? (await client.assertion(`${server.service.url}${oauthPaths.token}`));
    const { status, headers, body } = await server.token(
      Object.fromEntries(client.form(made, { scope: 'system/Patient.rs' })),
    );
    if (status !== 503) return { status, ...(body.error === undefined ? {} : { error: body.error }) };
    await pause(Number(headers.get('retry-after')) * 1_000);
  }
  throw new Error('it never came back');
}

test('an assertion that was spent after the backup is not spent again when the backup has taken the database’s place', async () => {
  const app = await server.approved('confidential-asymmetric', ['system/Patient.rs']);
  expect(await ask(app)).toEqual({ status: 200 });
  await postgres.without(async (directory) => void (await copy(directory, backup)));

  expect(await ask(app)).toEqual({ status: 200 });
  const spent = await app.client.assertion(`${server.service.url}${oauthPaths.token}`);
  expect(await ask(app, spent)).toEqual({ status: 200 });
  await postgres.without(async (directory) => {
    await rm(directory, { recursive: true });
    await mkdir(directory);
    await copy(backup, directory);
  });

  expect(await ask(app, spent)).toEqual({ status: 401, error: 'invalid_client' });
  expect(await ask(app)).toEqual({ status: 200 });
}, 120_000);
