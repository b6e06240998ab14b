import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '#testing';

export const hasNginx = spawnSync('nginx', ['-v']).status === 0;
export const hasEnvoy = spawnSync('envoy', ['--version']).status === 0;

/** A proxy of others that stands before a FHIR server and asks Gatehouse. */
export interface ProxyProcess {
  readonly url: string;
  stop(): Promise<void>;
}

/** What the examples of deploy/ are told: ports of 127.0.0.1, and the proxy's own token. */
export interface Surroundings {
  readonly gatehouse: number;
  readonly fhirServer: number;
  readonly token: string;
}

/** Runs deploy/nginx/auth-request.conf with these addresses. */
export async function startNginx(with_: Surroundings): Promise<ProxyProcess> {
  return await started('nginx', async (folder, port) => {
    writeFileSync(path.join(folder, 'auth-request.conf'), example('deploy/nginx/auth-request.conf', port, with_));
    const header = `proxy_set_header Authorization "Bearer ${with_.token}";\n`;
    writeFileSync(path.join(folder, 'gatehouse-token.conf'), header);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    );
    writeFileSync(
      path.join(folder, 'nginx.conf'),
      `daemon off;\npid ${folder}/nginx.pid;\nerror_log stderr error;\nevents {}\nhttp {\n  access_log off;\n  ${temporary.join('\n  ')}\n  include ${folder}/auth-request.conf;\n}\n`,
    );
    return ['-e', 'stderr', '-p', folder, '-c', path.join(folder, 'nginx.conf')];
  });
}

/** Runs deploy/envoy/ext-authz.yaml with these addresses. */
export async function startEnvoy(with_: Surroundings): Promise<ProxyProcess> {
  return await started('envoy', async (folder, port) => {
    const file = path.join(folder, 'ext-authz.yaml');
    writeFileSync(file, example('deploy/envoy/ext-authz.yaml', port, with_).replace('REPLACE-ME', with_.token));
    // Several may run on one machine; each takes a core's threads for itself otherwise.
    return ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '--log-level', 'error'];
  });
}

/** An example as it stands in deploy/, at ports of this test. */
function example(file: string, port: number, { gatehouse, fhirServer }: Surroundings): string {
  const ports: Readonly<Record<string, number>> = { 8080: gatehouse, 9090: fhirServer, 8088: port };
  return readFileSync(file, 'utf8').replaceAll(
    /(127\.0\.0\.1(?::|, port_value: ))(8080|9090|8088)\b/g,
    (_all, before: string, was: string) => `${before}${ports[was] ?? was}`,
  );
}

async function started(
  command: string,
  prepare: (folder: string, port: number) => Promise<readonly string[]>,
): Promise<ProxyProcess> {
  const folder = mkdtempSync(path.join(tmpdir(), `${command}-`));
  const port = await freePort();
  const child = spawn(command, await prepare(folder, port), { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const gone = once(child, 'exit');
  let isGone = false;
  void gone.then(() => (isGone = true));
  await listening(port, () => {
    if (isGone) throw new Error(`${command} does not start:\n${said}`);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true });
    },
  };
}

/** Resolves when somebody listens there; `mayStill` throws when nobody will. */
async function listening(port: number, mayStill: () => void): Promise<void> {
  for (;;) {
    mayStill();
    const socket = connect(port, '127.0.0.1');
    const [isOpen] = await Promise.race([
      once(socket, 'connect').then(() => [true]),
      once(socket, 'error').then(() => [false]),
    ]).catch(() => [false]);
    socket.destroy();
    if (isOpen === true) return;
    await delay(20);
  }
}
