import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { startBroker } from '../../scripts/infrastructure/kafka.mjs';
import { isRunning, nameOf } from '../../scripts/infrastructure/lock.mjs';
import { startPostgres } from '../../scripts/infrastructure/postgres.mjs';

describe('servers of our own', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-servers-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('say in one line that their port is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    await expect(startBroker({ port })).rejects.toThrow(
      `Kafka cannot listen on 127.0.0.1:${port}: the port is in use.`,
    );
    await expect(startPostgres({ port })).rejects.toThrow(
      `Postgres cannot listen on 127.0.0.1:${port}: the port is in use.`,
    );
    taken.close();
  });

  it('keep their data in a folder, and refuse a second server on it', async () => {
    const first = await startPostgres({ directory: folder });
    await query(first.url, 'CREATE TABLE kept (id int)');
    await expect(startPostgres({ directory: folder })).rejects.toThrow(
      /^Another Postgres is running on the data in .*; stop it first\.$/,
    );
    await first.stop();

    const second = await startPostgres({ directory: folder });
    await query(second.url, 'SELECT id FROM kept');
    await second.stop();
  });

  it('do not outlive a process that is killed, nor does their data', async () => {
    const script = `
      import { startPostgres } from ${JSON.stringify(path.resolve('scripts/infrastructure/postgres.mjs'))};
      const { pids } = await startPostgres();
      console.log(pids()[0]);
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, TMPDIR: folder, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(owner.stdout, 'data')) as [Buffer];
    const postgres = nameOf(Number(line));
    expect(isRunning(postgres)).toBe(true);

    owner.kill('SIGKILL');
    while (isRunning(postgres) || readdirSync(folder).length > 0) await delay(20);
  });
});

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
