/**
 * Compiles apps/, libs/ and test/ to dist/ with swc: only what changed, and quietly when nothing did. A compiled file
 * bears its source's time, so that any other time, older ones too, means another source.
 *
 * Types are checked by `npm run types`, not here: a start should not wait for them.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitWith, StartError } from './infrastructure/start-error.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['apps', 'libs', 'test'];
const SOURCE = /\.ts$/;
/** A package.json of a workspace is for npm: beside compiled code it would hide the root's, which says what `#lib` is. */
const NOT_BUILT = /\.spec\.ts$|\.d\.ts$|(^|\/)package\.json$/;
/** What a program may read beside its code. */
const ASSET = /\.(json|html|css|svg|png|sql|js|mjs)$/;

/**
 * @param {string} [root]
 * @returns {Promise<number>} how many files were compiled
 */
export async function build(root = ROOT) {
  const dist = path.join(root, 'dist');
  await startOverIfConfigured(root, dist);
  const sources = (await Promise.all(FOLDERS.map((folder) => filesUnder(root, folder)))).flat();
  const targets = new Map(sources.flatMap((source) => pairOf(source)));

  await removeOrphans(dist, targets);
  const stale = await staleAmong(root, dist, targets);
  if (stale.length === 0) return 0;
  const { transformFile } = await import('@swc/core');
  const results = await Promise.allSettled(
    stale.map(async ({ source, target }) => {
      if (!SOURCE.test(source)) return place(root, dist, source, target);
      const { code, map } = await transformFile(path.join(root, source), { configFile: path.join(root, '.swcrc') });
      await place(root, dist, source, `${target}.map`, map ?? '{}');
      await place(root, dist, source, target, `${code}\n//# sourceMappingURL=${path.basename(target)}.map\n`);
    }),
  );
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
  if (failures.length > 0) throw new StartError(`${failures.join('\n')}\nThe build failed.`);
  return stale.length;
}

/**
 * @param {string} source
 * @returns {[string, string][]} target → source
 */
function pairOf(source) {
  if (NOT_BUILT.test(source)) return [];
  if (SOURCE.test(source)) return [[source.replace(SOURCE, '.js'), source]];
  return ASSET.test(source) ? [[source, source]] : [];
}

/**
 * Another compiler or another configuration makes other files of the same sources.
 *
 * @param {string} root
 * @param {string} dist
 */
async function startOverIfConfigured(root, dist) {
  const compiler = path.join(root, 'node_modules', '@swc', 'core', 'package.json');
  const inputs = [path.join(root, '.swcrc'), compiler, fileURLToPath(import.meta.url)];
  const hash = createHash('sha256');
  for (const file of inputs) hash.update(await readFile(file));
  const digest = hash.digest('hex');
  const stamp = path.join(dist, '.configuration');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === digest) return;
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  await writeFile(stamp, digest);
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {Promise<string[]>} paths below the root
 */
async function filesUnder(root, folder) {
  if (!existsSync(path.join(root, folder))) return [];
  const entries = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('node_modules'));
}

/**
 * @param {string} dist
 * @param {Map<string, string>} targets
 */
async function removeOrphans(dist, targets) {
  for (const folder of FOLDERS) {
    for (const file of await filesUnder(dist, folder)) {
      if (!targets.has(file.replace(/\.map$/, ''))) await rm(path.join(dist, file));
    }
  }
}

/**
 * @param {string} root
 * @param {string} dist
 * @param {Map<string, string>} targets
 */
async function staleAmong(root, dist, targets) {
  const all = await Promise.all(
    [...targets].map(async ([target, source]) => {
      const [from, to] = await Promise.all([
        stat(path.join(root, source)),
        stat(path.join(dist, target)).catch(() => undefined),
      ]);
      // Whole milliseconds: file systems keep fewer digits of a time that is set than of one that happened.
      return Math.trunc(from.mtimeMs) === Math.trunc(to?.mtimeMs ?? 0) ? [] : [{ source, target }];
    }),
  );
  return all.flat();
}

/**
 * Writes beside, then renames: a process that starts meanwhile reads the old file or the new one.
 *
 * @param {string} root
 * @param {string} dist
 * @param {string} source
 * @param {string} target
 * @param {string} [content] without it the source is copied
 */
async function place(root, dist, source, target, content) {
  const file = path.join(dist, target);
  const fresh = `${file}.${randomUUID()}`;
  await mkdir(path.dirname(file), { recursive: true });
  await (content === undefined ? copyFile(path.join(root, source), fresh) : writeFile(fresh, content));
  const time = new Date(Math.trunc((await stat(path.join(root, source))).mtimeMs));
  await utimes(fresh, time, time);
  await rename(fresh, file);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build().catch(exitWith);
