import { createHash } from 'node:crypto';
import path from 'node:path';
import { run, startServer } from './processes.mjs';
import { StartError } from './start-error.mjs';

const IMAGE = 'apache/kafka:4.1.1';

/** @returns {Promise<boolean>} whether a Docker daemon answers */
export async function hasDocker() {
  const { code } = await run('docker', ['info', '--format', '{{.ServerVersion}}']);
  return code === 0;
}

/**
 * The nodes of a cluster as containers of the official image, for a machine without Java. Each publishes its port for
 * clients on 127.0.0.1; among themselves they use a Docker network of their own.
 *
 * @param {{ base: string, clientPorts: number[], settings: Record<string, string>, keep: boolean }} cluster
 * @returns {Promise<import('./kafka.mjs').KafkaNode[]>}
 */
export async function dockerNodes({ base, clientPorts, settings, keep }) {
  const id = idOf(base);
  const network = `gatehouse-${id}`;
  const nameOf = (/** @type {number} */ index) => `gatehouse-${id}-${String(index + 1)}`;
  const voters = clientPorts.map((_, index) => `${String(index + 1)}@${nameOf(index)}:19093`).join(',');
  const clusterId = createHash('sha256').update(id).digest().subarray(0, 16).toString('base64url').replace(/^-/, 'A');
  await docker('network', 'create', network).catch((error) => {
    if (!/already exists/.test(String(error))) throw error;
  });

  return clientPorts.map((port, index) => {
    const name = nameOf(index);
    const volume = `${name}-data`;
    const environment = {
      ...settings,
      'node.id': String(index + 1),
      'controller.quorum.voters': voters,
      listeners: `PLAINTEXT://:${String(port)},INTERNAL://:19092,CONTROLLER://:19093`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${String(port)},INTERNAL://${name}:19092`,
      'inter.broker.listener.name': 'INTERNAL',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'log.dirs': '/var/lib/kafka/data',
    };
    /** @type {import('./processes.mjs').Running | undefined} */
    let running;
    const remove = () => run('docker', ['rm', '-f', name]);

    /** @type {import('./kafka.mjs').KafkaNode} */
    const node = {
      address: `127.0.0.1:${String(port)}`,
      pid: () => undefined,
      ended: () => running?.ended,
      lastWords: () => running?.lastWords() ?? '',
      start: async () => {
        if (running?.alive()) return;
        await remove();
        const variables = Object.entries(environment).flatMap(([key, value]) => [
          '-e',
          `KAFKA_${key.replaceAll('.', '_').toUpperCase()}=${value}`,
        ]);
        running = await startServer(
          'docker',
          ['run', '--name', name, '--network', network, '-p', `127.0.0.1:${String(port)}:${String(port)}`].concat([
            '-v',
            `${volume}:/var/lib/kafka/data`,
            '-e',
            `CLUSTER_ID=${clusterId}`,
            ...variables,
            IMAGE,
          ]),
          {
            ready: /Kafka Server started/,
            timeoutMs: 300_000, // the image may have to be pulled
            failed: (words) =>
              new StartError(`Kafka did not start in Docker: ${words.trim().split('\n').at(-1) ?? ''}`),
          },
        );
      },
      kill: async () => {
        await run('docker', ['kill', name]);
        await running?.ended;
        await remove();
        if (!keep) await run('docker', ['volume', 'rm', '-f', volume]);
      },
      stop: async () => {
        await run('docker', ['stop', '-t', '4', name]);
        await running?.ended;
        await remove();
      },
      pause: async () => docker('pause', name),
      resume: async () => docker('unpause', name),
    };
    return node;
  });
}

/** @param {string[]} args */
async function docker(...args) {
  const { code, output } = await run('docker', args);
  if (code !== 0) throw new StartError(`docker ${args[0] ?? ''} failed: ${output.trim()}`);
}

/**
 * The same for the same folder, so that a start after a kill -9 finds and removes what was left.
 *
 * @param {string} base
 */
function idOf(base) {
  return createHash('sha256').update(path.resolve(base)).digest('hex').slice(0, 12);
}

/**
 * Deletes the data of a cluster that was kept.
 *
 * @param {string} base
 */
export async function removeVolumes(base) {
  const { output } = await run('docker', ['volume', 'ls', '-q', '--filter', `name=gatehouse-${idOf(base)}-`]);
  for (const volume of output.split('\n').filter(Boolean)) await docker('volume', 'rm', '-f', volume);
}
