import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { dockerNodes, hasDocker, removeVolumes } from './kafka-docker.mjs';
import { kafkaClassPath } from './kafka-jars.mjs';
import { listenerSettings, scramArguments } from './kafka-security.mjs';
import { findJava } from './java.mjs';
import { freePorts, isFree } from './ports.mjs';
import { removeAfterUs, run, startServer } from './processes.mjs';
import { isFullDisk, StartError } from './start-error.mjs';

const LOG4J = fileURLToPath(new URL('kafka/log4j2.properties', import.meta.url));
const JVM = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.awt.headless=true'];

/** What KafkaRaftServer says once the broker is registered and serves clients. */
const READY = /Kafka Server started/;

/**
 * One node of a development cluster.
 *
 * @typedef {object} KafkaNode
 * @property {string} address `127.0.0.1:PORT`, the same after a restart
 * @property {() => number | undefined} pid undefined while it is down, and for a node in Docker
 * @property {() => Promise<void> | undefined} ended of the process that runs now: fulfils when it is gone
 * @property {() => string} lastWords the end of its log
 * @property {() => Promise<void>} kill SIGKILL: what a power cut does to the process
 * @property {() => Promise<void>} stop an orderly end; its leaderships move first
 * @property {() => Promise<void>} start starts it again on the same data and port; fulfils when it serves clients
 * @property {() => Promise<void>} pause SIGSTOP: alive for the system, silent for everyone else
 * @property {() => Promise<void>} resume SIGCONT
 */

/**
 * @typedef {object} KafkaCluster
 * @property {string} brokers all addresses, separated by commas, as KAFKA_BROKERS takes them
 * @property {KafkaNode[]} nodes
 * @property {() => number[]} pids of the nodes that run now
 * @property {() => Promise<void>} stop stops all nodes; without a `directory` of its own, deletes the data
 */

/**
 * @typedef {object} ClusterOptions
 * @property {number} [nodes] 1 (default), or 3 for replication 3 with min.insync.replicas 2
 * @property {string} [directory] where the data stays; without it the data is thrown away at `stop()`
 * @property {number[]} [ports] one per node for clients; free ones if not given
 * @property {Record<string, string>} [settings] over the broker settings below
 * @property {import('./kafka-security.mjs').Security} [security] TLS, users and ACLs; needs Java
 */

/**
 * Real Apache Kafka in KRaft mode on the loopback address: from its jars on Java >= 17, else in Docker.
 *
 * @param {ClusterOptions} [options]
 * @returns {Promise<KafkaCluster>} once every node serves clients
 * @throws {StartError} no Java and no Docker, a port in use, a full disk
 */
export async function startCluster({ nodes: count = 1, directory, ports, settings = {}, security } = {}) {
  const java = await findJava();
  if (!java && !(await hasDocker())) {
    throw new StartError(
      'No Kafka: set KAFKA_BROKERS to a running broker, or install Java 17 or newer, or start Docker; then try again.',
    );
  }
  if (security && !java) throw new StartError('A broker with TLS and users needs Java 17 or newer: install it.');
  for (const port of ports ?? []) {
    if (await isFree(port)) continue;
    throw new StartError(`Kafka cannot listen on 127.0.0.1:${String(port)}: the port is in use.`);
  }
  const clientPorts = ports ?? (await freePorts(count));
  const base = directory ?? (await mkdtemp(path.join(os.tmpdir(), 'gatehouse-kafka-')));
  const forget = directory ? undefined : removeAfterUs(base);
  try {
    await sameRunner(base, java ? 'Java' : 'Docker');
    const common = { ...brokerSettings(count), ...settings };
    const nodes = java
      ? await javaNodes({ java, base, clientPorts, settings: common, security, keep: directory !== undefined })
      : await dockerNodes({ base, clientPorts, settings: common, keep: directory !== undefined });
    const stop = async () => {
      await Promise.all(nodes.map((node) => (directory ? node.stop() : node.kill())));
      if (directory) return;
      await rm(base, { recursive: true, force: true });
      forget?.();
    };
    const started = await Promise.allSettled(nodes.map((node) => node.start()));
    const failure = started.find((result) => result.status === 'rejected');
    if (failure) {
      await stop();
      throw failure.reason;
    }
    const pids = () => nodes.flatMap((node) => node.pid() ?? []);
    return { brokers: nodes.map((node) => node.address).join(','), nodes, pids, stop };
  } catch (error) {
    if (!directory) await rm(base, { recursive: true, force: true });
    if (isFullDisk(error)) throw new StartError(`Kafka could not write to ${base}: the disk is full.`);
    throw error;
  }
}

/**
 * A cluster of one node.
 *
 * @param {Omit<ClusterOptions, 'nodes' | 'ports'> & { port?: number }} [options]
 * @returns {Promise<KafkaCluster>}
 */
export function startBroker({ port, ...options } = {}) {
  return startCluster({ ...options, nodes: 1, ...(port === undefined ? {} : { ports: [port] }) });
}

/**
 * Deletes what `startCluster({ directory })` keeps, wherever it lies.
 *
 * @param {string} directory
 */
export async function removeKafka(directory) {
  const runner = await readFile(path.join(directory, 'runner'), 'utf8').catch(() => '');
  if (runner.trim() === 'Docker') await removeVolumes(directory);
  await rm(directory, { recursive: true, force: true });
}

/**
 * Small internal topics and no waiting for a group's members, for speed; nothing that changes what an acknowledgement
 * means.
 *
 * @param {number} count
 * @returns {Record<string, string>}
 */
function brokerSettings(count) {
  const replication = String(count >= 3 ? 3 : 1);
  const inSync = String(count >= 3 ? 2 : 1);
  return {
    'process.roles': 'broker,controller',
    'controller.listener.names': 'CONTROLLER',
    'auto.create.topics.enable': 'false',
    // After a kill -9 its leaderships move, and it may come back, only when this has passed. Kafka's default is 9000.
    'broker.session.timeout.ms': '6000',
    'broker.heartbeat.interval.ms': '1000',
    'group.initial.rebalance.delay.ms': '0',
    'default.replication.factor': replication,
    'min.insync.replicas': inSync,
    'offsets.topic.num.partitions': '4',
    'offsets.topic.replication.factor': replication,
    'transaction.state.log.num.partitions': '4',
    'transaction.state.log.replication.factor': replication,
    'transaction.state.log.min.isr': inSync,
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000',
    'unclean.leader.election.enable': 'false',
    'log.cleaner.dedupe.buffer.size': '4194304',
  };
}

/**
 * @param {{ java: string, base: string, clientPorts: number[], settings: Record<string, string>, security: import('./kafka-security.mjs').Security | undefined, keep: boolean }} cluster
 * @returns {Promise<KafkaNode[]>}
 */
async function javaNodes({ java, base, clientPorts, settings, security, keep }) {
  const classPath = await kafkaClassPath();
  const ports = await freePorts(2 * clientPorts.length);
  const controllerPorts = ports.slice(0, clientPorts.length);
  const clusterId = await sameClusterId(base);
  const voters = controllerPorts.map((port, index) => `${String(index + 1)}@127.0.0.1:${String(port)}`).join(',');

  return clientPorts.map((clientPort, index) => {
    const name = `node-${String(index + 1)}`;
    const folder = path.join(base, name);
    const log = path.join(base, `${name}.log`);
    const properties = path.join(base, `${name}.properties`);
    const all = {
      ...settings,
      'node.id': String(index + 1),
      'controller.quorum.voters': voters,
      ...listenerSettings(security, {
        client: clientPort,
        controller: controllerPorts[index] ?? 0,
        internal: ports[clientPorts.length + index] ?? 0,
      }),
      'log.dirs': folder,
    };
    const kafka = (/** @type {string[]} */ ...args) => [
      ...JVM,
      `-Dlog4j2.configurationFile=${LOG4J}`,
      `-Dgatehouse.log=${log}`,
      '-cp',
      classPath,
      ...args,
    ];
    /** @type {import('./processes.mjs').Running | undefined} */
    let running;

    const prepare = async () => {
      await mkdir(folder, { recursive: true });
      await writeFile(
        properties,
        Object.entries(all)
          .map(([key, value]) => `${key}=${value}\n`)
          .join(''),
      );
      if (existsSync(path.join(folder, 'meta.properties'))) return;
      const { code, output } = await run(
        java,
        kafka('kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties, ...scramArguments(security)),
      );
      if (code !== 0) throw failure(output);
    };
    const failure = (/** @type {string} */ words) => {
      if (/No space left on device/.test(words))
        return new StartError(`Kafka could not write to ${base}: the disk is full.`);
      if (/Address already in use/.test(words)) {
        return new StartError(`Kafka cannot listen on 127.0.0.1:${String(clientPort)}: the port is in use.`);
      }
      if (/Failed to acquire lock on file/.test(words)) {
        return new StartError(`Another Kafka broker is running on the data in ${folder}; stop it first.`);
      }
      const line = words.split('\n').findLast((text) => /ERROR|Exception|Error:/.test(text)) ?? words.trim();
      return new StartError(`Kafka did not start: ${line}${keep ? ` (more in ${log})` : ''}`);
    };
    const isUp = () => running?.alive() === true;

    return {
      address: `127.0.0.1:${String(clientPort)}`,
      pid: () => (isUp() ? running?.pid : undefined),
      ended: () => running?.ended,
      lastWords: () => (existsSync(log) ? readFileSync(log, 'utf8').slice(-2000) : ''),
      start: async () => {
        if (isUp()) return;
        await prepare();
        const before = existsSync(log) ? statSync(log).size : 0;
        running = await startServer(java, kafka('kafka.Kafka', properties), {
          ready: READY,
          // The reason of a fatal error stands in the log, not on standard output.
          failed: (words) => failure(existsSync(log) ? words + readFileSync(log, 'utf8').slice(before) : words),
        });
      },
      kill: async () => running?.stop({ signal: 'SIGKILL' }),
      stop: async () => running?.stop({ graceMs: 4000 }),
      pause: async () => running?.signal('SIGSTOP'),
      resume: async () => running?.signal('SIGCONT'),
    };
  });
}

/**
 * Refuses to leave data behind: a broker in Docker does not see what one on Java wrote, nor the other way round.
 *
 * @param {string} base
 * @param {string} runner
 */
async function sameRunner(base, runner) {
  await mkdir(base, { recursive: true });
  const file = path.join(base, 'runner');
  const before = existsSync(file) ? (await readFile(file, 'utf8')).trim() : runner;
  if (before !== runner) {
    throw new StartError(
      `The log in ${base} was written by a broker on ${before}, which is not there now: bring it back, or start with --fresh.`,
    );
  }
  await writeFile(file, `${runner}\n`);
}

/**
 * The id that all nodes of a cluster share, made at the first start and kept beside the data.
 *
 * @param {string} base
 */
async function sameClusterId(base) {
  const file = path.join(base, 'cluster-id');
  if (existsSync(file)) return (await readFile(file, 'utf8')).trim();
  const id = randomBytes(16).toString('base64url').replace(/^-/, 'A'); // the format tool takes a leading dash for an option
  await writeFile(file, `${id}\n`);
  return id;
}
