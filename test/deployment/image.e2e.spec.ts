import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { frontedApps } from '../../apps/gatehouse/src/front/app-paths.js';

const start = (...args: string[]) =>
  spawnSync(process.execPath, ['deploy/image/start.mjs', ...args], {
    env: { PATH: process.env['PATH'] },
    encoding: 'utf8',
  });

describe('what the image runs', () => {
  it.each(frontedApps.map(({ name }) => name))('%s: it asks for its settings', (app) => {
    const { status, stderr } = start(app);
    expect([status, stderr]).toEqual([2, expect.stringContaining('DATABASE_URL must be')]);
  });

  it('the command line', () => {
    const { status, stdout } = start('cli', 'log', 'acls');
    expect([status, stdout]).toEqual([0, expect.stringContaining('gatehouse.registration.events')]);
  });

  it.each([[[]], [['sandbox']], [['../../scripts/start']]])('nothing else: %j', (args) => {
    const { status, stderr } = start(...args);
    expect([status, stderr]).toEqual([2, expect.stringContaining('The first argument must be one of registration')]);
  });

  it('finds whether the process answers', async () => {
    let status = 200;
    const server = createServer((request, response) =>
      response.writeHead(request.url === '/health/live' ? status : 404).end(),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const health = (environment: Record<string, string>) =>
      promisify(execFile)(process.execPath, ['deploy/image/health.mjs'], { env: environment }).then(
        () => 0,
        (error: { readonly code: number }) => error.code,
      );
    expect(await health({ PORT: String(port) })).toBe(0);
    expect(await health({ PORT: '1', ADMIN_PORT: String(port) })).toBe(0);
    status = 503;
    expect(await health({ PORT: String(port) })).toBe(1);
    server.close();
    await once(server, 'close');
    expect(await health({ PORT: String(port) })).toBe(1);
  });
});
