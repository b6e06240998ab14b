import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type FrontedApp, route } from '../../apps/gatehouse/src/front/app-paths.js';
import { nginxFile, type NginxSite } from '../../apps/gatehouse/src/front/nginx-file.js';

/** An app and the ports of its instances on this machine. */
export interface Instances {
  readonly app: FrontedApp;
  readonly ports: readonly number[];
}

/** What joins the apps on one port. */
export interface Front {
  readonly kind: 'nginx' | 'node';
  /** Its process, if it is not this one. */
  readonly pid: number | undefined;
  complaints(): readonly string[];
  stop(): Promise<void>;
}

/** nginx with the file that we give to operators; on a machine without it, a small proxy that follows the same table. */
export function startFront(
  apps: readonly Instances[],
  port: number,
  folder: string,
  site: Pick<NginxSite, 'perAddress'> = {},
): Promise<Front> {
  return hasNginx() ? startNginx(apps, port, path.join(folder, 'nginx'), site) : startProxy(apps, port);
}

/** Whether nginx is what joins the apps here; GATEHOUSE_TEST_FRONT=node has the proxy do it. */
export function hasNginx(): boolean {
  return process.env['GATEHOUSE_TEST_FRONT'] !== 'node' && spawnSync('nginx', ['-v']).status === 0;
}

async function startNginx(
  instances: readonly Instances[],
  port: number,
  folder: string,
  site: Pick<NginxSite, 'perAddress'>,
): Promise<Front> {
  mkdirSync(folder, { recursive: true });
  const file = nginxFile(
    instances.map(({ app }) => app),
    {
      ...site,
      listen: `127.0.0.1:${port}`,
      servers: Object.fromEntries(instances.map(({ app, ports }) => [app.name, ports.map((at) => `127.0.0.1:${at}`)])),
    },
  );
  writeFileSync(path.join(folder, 'gatehouse.conf'), file);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${folder}/${kind};`,
  );
  writeFileSync(
    path.join(folder, 'nginx.conf'),
    `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
${temporary.join('\n')}
  include ${folder}/gatehouse.conf;
}
`,
  );
  const child = spawn('nginx', ['-e', 'stderr', '-p', folder, '-c', path.join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  await Promise.race([
    accepts(port),
    exited.then(() => {
      throw new Error(`nginx did not start:\n${errors}`);
    }),
  ]);
  return {
    kind: 'nginx',
    pid: child.pid,
    // While the apps come and go, nginx notes that they are not there; anything else is a fault of the file.
    complaints: () =>
      errors.split('\n').filter((line) => line !== '' && !/\((111: Connection refused|104: |32: )/.test(line)),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Resolves when somebody listens there. */
async function accepts(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await delay(20);
  }
}

/** Leads each request to the next instance of its app, as nginx does. */
async function startProxy(instances: readonly Instances[], port: number): Promise<Front> {
  const apps = instances.map(({ app }) => app);
  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    const to = route(apps, incoming.url ?? '/');
    const ports = instances.find(({ app }) => app === to?.app)?.ports ?? [];
    const at = ports[turn++ % ports.length];
    if (to === undefined || at === undefined) {
      outgoing.writeHead(404, { 'content-type': 'application/problem+json' });
      outgoing.end('{"type":"urn:gatehouse:problem:not-found","title":"Not Found","status":404}');
    } else forward({ port: at, path: to.path }, incoming, outgoing);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    kind: 'node',
    pid: undefined,
    complaints: () => [],
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function forward(
  to: { readonly port: number; readonly path: string },
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const upstream = request({
    host: '127.0.0.1',
    port: to.port,
    method: incoming.method,
    path: to.path,
    headers: {
      ...incoming.headers,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': incoming.headers.host,
    },
  });
  upstream.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  upstream.on('error', () => {
    if (outgoing.headersSent) outgoing.destroy();
    else
      outgoing
        .writeHead(502, { 'content-type': 'application/problem+json' })
        .end('{"title":"Bad Gateway","status":502}');
  });
  incoming.pipe(upstream);
}
