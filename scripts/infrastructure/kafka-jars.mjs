import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './processes.mjs';
import { isFullDisk, StartError } from './start-error.mjs';

const CENTRAL = 'https://repo1.maven.org/maven2';
const POM = fileURLToPath(new URL('kafka/pom.xml', import.meta.url));
const PINNED = fileURLToPath(new URL('kafka/jars.json', import.meta.url));
const FOLDER = fileURLToPath(new URL('../../.toolchain/kafka/', import.meta.url));
const AT_ONCE = 8;

/**
 * The broker's jars, fetched once (46 files, 43 MB) and complete or not there at all: by Maven, which knows the user's
 * mirror, else over HTTPS. Either way each file has the checksum that kafka/jars.json names.
 *
 * @returns {Promise<string>} the class path
 */
export async function kafkaClassPath() {
  const text = await readFile(PINNED, 'utf8');
  /** @type {Record<string, string>} path in a Maven repository → SHA-256 */
  const pinned = JSON.parse(text);
  const folder = path.join(FOLDER, createHash('sha256').update(text).digest('hex').slice(0, 12));
  if (!existsSync(folder)) await fetchInto(folder, pinned);
  return path.join(folder, '*');
}

/**
 * @param {string} folder
 * @param {Record<string, string>} pinned
 */
async function fetchInto(folder, pinned) {
  console.error('Fetching Apache Kafka (43 MB, once) ...');
  await mkdir(FOLDER, { recursive: true });
  const fresh = await mkdtemp(path.join(FOLDER, 'fetching-'));
  try {
    if (!(await byMaven(fresh, pinned))) await byHttps(fresh, pinned);
    await rename(fresh, folder).catch((error) => {
      if (!existsSync(folder)) throw error; // else another start was quicker, with the same files
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/**
 * @param {string} folder
 * @param {Record<string, string>} pinned
 * @returns {Promise<boolean>} whether every jar came and has its checksum
 */
async function byMaven(folder, pinned) {
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'gatehouse-maven-'));
  try {
    const { code } = await run('mvn', [
      '-q',
      '-B',
      '-f',
      POM,
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${scratch}`,
    ]);
    if (code !== 0) return false;
    for (const [source, checksum] of Object.entries(pinned)) {
      const file = path.join(scratch, path.basename(source));
      if (!existsSync(file) || digest(await readFile(file)) !== checksum) return false;
      await copyFile(file, path.join(folder, path.basename(source)));
    }
    return true;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * @param {string} folder
 * @param {Record<string, string>} pinned
 */
async function byHttps(folder, pinned) {
  const left = Object.entries(pinned);
  const worker = async () => {
    for (let next = left.pop(); next; next = left.pop()) {
      const [source, checksum] = next;
      const bytes = await download(`${process.env['MAVEN_CENTRAL_URL'] ?? CENTRAL}/${source}`);
      if (digest(bytes) !== checksum) {
        throw new StartError(
          `${path.basename(source)} does not have the checksum in ${path.relative('.', PINNED)}: not used.`,
        );
      }
      await writeFile(path.join(folder, path.basename(source)), bytes);
    }
  };
  // All of them have to end before the folder may go.
  const failed = (await Promise.allSettled(Array.from({ length: AT_ONCE }, worker))).find(
    ({ status }) => status === 'rejected',
  );
  if (failed) throw /** @type {PromiseRejectedResult} */ (failed).reason;
}

/** @param {string} url */
async function download(url) {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`HTTP ${String(response.status)}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    if (isFullDisk(error)) throw error;
    const reason = error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : '';
    throw new StartError(
      `Apache Kafka could not be fetched from ${new URL(url).host} (${reason}). The first start needs the network; ` +
        'behind a mirror, install Maven (its settings are used) or set MAVEN_CENTRAL_URL; or set KAFKA_BROKERS to a running broker.',
    );
  }
}

/** @param {Buffer} bytes */
function digest(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
