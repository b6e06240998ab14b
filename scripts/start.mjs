/**
 * `npm start`: a broker, a Postgres and the whole of Gatehouse in one process, on this machine, for development. Data
 * stays under .gatehouse/ (or DATA_DIR) until `npm start -- --fresh`. KAFKA_BROKERS and DATABASE_URL name servers to use instead.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { removeKafka, startBroker } from './infrastructure/kafka.mjs';
import { isRunning, nameOf, takeLock } from './infrastructure/lock.mjs';
import { isFree } from './infrastructure/ports.mjs';
import { removePostgres, startPostgres } from './infrastructure/postgres.mjs';
import { startProgram, stopEverything } from './infrastructure/processes.mjs';
import { exitWith, StartError } from './infrastructure/start-error.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Everything that a start keeps, the program's own things too; another folder makes another Gatehouse. */
const STATE = path.resolve(ROOT, process.env['DATA_DIR'] ?? '.gatehouse');
const MAIN = path.join(ROOT, 'dist', 'apps', 'gatehouse', 'src', 'main.js');

/** The same at each start, for whoever looks in from outside; others when these are taken. */
const USUAL_PORTS = { kafka: 29092, postgres: 25432 };

/** Together under 10 s: what supervisors give a process between SIGTERM and SIGKILL. */
const APP_GRACE_MS = 7000;
const BROKEN_OFF_GRACE_MS = 3000;

/** What package.json's start scripts give too: Node's own 64 MB for young objects, twice, is 100 MB more at rest. */
const YOUNG_OBJECTS = '--max-semi-space-size=8';

const SOURCE_MAPS = new URL('source-maps.mjs', import.meta.url).href;

/** What a run leaves for the next one, should it be killed, and for other commands while it runs. */
const RUN_FILE = path.join(STATE, 'run.json');

/** @type {{ stop: () => Promise<void>, pids: () => number[] }[]} */
const servers = [];
/** @type {ReturnType<typeof startProgram> | undefined} */
let app;
/** @type {Promise<void> | undefined} */
let stopping;
let release = () => {};

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, () => void stop(0));
stopWithParent();
await start().catch((error) => {
  if (stopping) return; // it broke off because we stopped it
  release();
  exitWith(error);
});

async function start() {
  const { fresh } = readArguments();
  mkdirSync(STATE, { recursive: true });
  lock();
  await waitForLastRun();
  const port = Number(process.env['PORT'] ?? 8080);
  if (!(await isFree(port))) {
    throw new StartError(
      `Port ${String(port)} is in use: stop what uses it, or choose another: PORT=${String(port + 1)} npm start`,
    );
  }
  if (fresh) await forget();

  const [brokers, database] = await startServers();
  if (stopping) return;
  const environment = { KAFKA_BROKERS: brokers, DATABASE_URL: database, PORT: String(port), DATA_DIR: STATE };
  app = startProgram(process.execPath, ['--import', SOURCE_MAPS, YOUNG_OBJECTS, MAIN], {
    cwd: ROOT,
    env: { ...process.env, ...environment, GATEHOUSE_DEV: '1' },
  });
  remember(environment);
  const code = await app.ended;
  await stop(code === 0 ? 0 : 1); // or waits for the stop that ended it
}

function readArguments() {
  try {
    return parseArgs({ options: { fresh: { type: 'boolean', default: false } } }).values;
  } catch {
    throw new StartError(
      'npm start takes one option: `npm start -- --fresh` first deletes the data of earlier starts.',
    );
  }
}

function lock() {
  const taken = takeLock(path.join(STATE, 'start.lock'));
  if ('holder' in taken) {
    throw new StartError(
      `Gatehouse already runs from this folder (process ${String(taken.holder.pid)}): stop it first.`,
    );
  }
  release = taken.release;
}

/** A run that was killed cannot stop its servers itself; its guardian does, within seconds. Only then is the data free. */
async function waitForLastRun() {
  if (!existsSync(RUN_FILE)) return;
  /** @type {{ processes: import('./infrastructure/lock.mjs').Named[] }} */
  const { processes } = JSON.parse(readFileSync(RUN_FILE, 'utf8'));
  const left = () => processes.filter(isRunning);
  if (left().length > 0) console.error('The last run was killed; waiting for what it left running to stop ...');
  for (let waited = 0; left().length > 0 && waited < 15_000; waited += 200) {
    if (waited === 8000) left().forEach(({ pid }) => process.kill(pid, 'SIGTERM')); // no guardian either: it was killed too
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const [stuck] = left();
  if (stuck)
    throw new StartError(`Process ${String(stuck.pid)} of the last run does not stop: end it, then try again.`);
  rmSync(RUN_FILE, { force: true });
}

async function forget() {
  if (process.env['KAFKA_BROKERS'] || process.env['DATABASE_URL']) {
    throw new StartError(
      '--fresh deletes only what `npm start` keeps itself, and KAFKA_BROKERS or DATABASE_URL names another server.',
    );
  }
  await removeKafka(path.join(STATE, 'kafka'));
  await removePostgres(path.join(STATE, 'postgres'));
  for (const name of readdirSync(STATE)) {
    if (!name.includes('.lock')) rmSync(path.join(STATE, name), { recursive: true });
  }
}

/** @returns {Promise<[string, string]>} KAFKA_BROKERS and DATABASE_URL */
async function startServers() {
  const named = {
    kafka: process.env['KAFKA_BROKERS'] || undefined,
    postgres: process.env['DATABASE_URL'] || undefined,
  };
  if (!named.kafka || !named.postgres) {
    console.error(
      `Starting ${[named.kafka ? [] : 'Kafka', named.postgres ? [] : 'Postgres'].flat().join(' and ')} ...`,
    );
  }
  const [kafka, postgres] = await Promise.allSettled([
    named.kafka ? undefined : startBroker({ directory: path.join(STATE, 'kafka'), ...(await usual('kafka')) }),
    named.postgres
      ? undefined
      : startPostgres({ directory: path.join(STATE, 'postgres'), ...(await usual('postgres')) }),
  ]);
  const up = [kafka, postgres].flatMap((result) =>
    result.status === 'fulfilled' && result.value ? [result.value] : [],
  );
  if (kafka.status === 'rejected' || postgres.status === 'rejected') {
    await Promise.all(up.map((server) => server.stop()));
    throw kafka.status === 'rejected' ? kafka.reason : /** @type {PromiseRejectedResult} */ (postgres).reason;
  }
  servers.push(...up);
  watch('Kafka', kafka.value?.nodes[0]);
  watch('Postgres', postgres.value);
  return [named.kafka ?? kafka.value?.brokers ?? '', named.postgres ?? postgres.value?.url ?? ''];
}

/** @param {keyof typeof USUAL_PORTS} server */
async function usual(server) {
  return (await isFree(USUAL_PORTS[server])) ? { port: USUAL_PORTS[server] } : {};
}

/**
 * Nothing works without its servers: when one ends by itself, everything does.
 *
 * @param {string} name
 * @param {{ ended: () => Promise<void> | undefined, lastWords: () => string } | undefined} server
 */
function watch(name, server) {
  void server?.ended()?.then(() => {
    if (stopping) return;
    console.error(
      `${name} ended by itself, so everything stops. Its last words: ${server.lastWords().trim().split('\n').at(-1) ?? ''}`,
    );
    void stop(1);
  });
}

/**
 * @param {Record<string, string>} environment
 */
function remember(environment) {
  const processes = [...servers.flatMap((server) => server.pids()), app?.pid]
    .filter((pid) => pid !== undefined)
    .map(nameOf);
  writeFileSync(RUN_FILE, JSON.stringify({ processes, environment }, undefined, 2), { mode: 0o600 }); // holds a password
}

/**
 * @param {number} code
 * @returns {Promise<void>}
 */
function stop(code) {
  return (stopping ??= (async () => {
    if (app) {
      app.signal('SIGTERM');
      const timer = setTimeout(() => app?.signal('SIGKILL'), APP_GRACE_MS);
      await app.ended;
      clearTimeout(timer);
      await Promise.all(servers.map((server) => server.stop()));
    } else {
      await stopEverything(BROKEN_OFF_GRACE_MS);
    }
    rmSync(RUN_FILE, { force: true });
    release();
    process.exit(code);
  })());
}

/** npm passes signals on, but says nothing when it is itself killed. */
function stopWithParent() {
  if (!process.env['npm_lifecycle_event']) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) void stop(1);
  }, 1000).unref();
}
