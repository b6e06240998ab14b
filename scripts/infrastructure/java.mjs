import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { run } from './processes.mjs';

/** What Kafka 4 needs. */
const LOWEST_VERSION = 17;

/** Where the usual installers put a JDK, for a machine whose first `java` on the PATH is an older one. */
const HOMES = ['/usr/lib/jvm', '/Library/Java/JavaVirtualMachines', '/opt/java', '/opt/homebrew/opt'];

/**
 * The `java` to start a broker with: JAVA_HOME, then the PATH, then the usual folders.
 *
 * @returns {Promise<string | undefined>} its path, or undefined where none is new enough
 */
export async function findJava() {
  const named = process.env['JAVA_HOME'] ? [path.join(process.env['JAVA_HOME'], 'bin', 'java')] : [];
  for (const java of [...named, 'java']) if (await isNewEnough(java)) return java;
  for (const java of await installed()) if (await isNewEnough(java)) return java;
  return undefined;
}

/** @returns {Promise<string[]>} */
async function installed() {
  const found = await Promise.all(
    HOMES.map(async (home) => {
      const entries = await readdir(home, { withFileTypes: true }).catch(() => []);
      // Debian keeps files between the folders, and to run something below a file fails in another way than not to find it.
      const folders = entries.filter((entry) => !entry.isFile());
      return folders.flatMap(({ name }) => [
        path.join(home, name, 'bin', 'java'),
        path.join(home, name, 'Contents', 'Home', 'bin', 'java'),
      ]);
    }),
  );
  return found.flat();
}

/** @param {string} java */
async function isNewEnough(java) {
  const { code, output } = await run(java, ['-version']);
  const major = /version "(\d+)/.exec(output)?.[1];
  return code === 0 && major !== undefined && Number(major) >= LOWEST_VERSION;
}
