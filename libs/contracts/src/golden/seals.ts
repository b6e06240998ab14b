import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** In each folder of files that never change: their digests, in the form that `sha256sum --check` reads. */
const SEALS = 'SHA256SUMS';

/**
 * Says what is wrong with a folder of files that never change: a file that differs from its seal, one that is gone, one
 * that was never sealed. Empty when all is well. It needs no history of versions, so it works in a shallow clone.
 */
export function brokenSeals(folder: string): readonly string[] {
  const seals = readSeals(folder);
  const files = filesOf(folder);
  return [
    ...files.filter((file) => !seals.has(file)).map((file) => `${file} is not sealed: run npm run golden`),
    ...files
      .filter((file) => seals.has(file) && seals.get(file) !== digestOf(folder, file))
      .map((file) => `${file} was changed: it shows what stands in logs already. Make a new version instead`),
    ...[...seals.keys()]
      .filter((file) => !files.includes(file))
      .map((file) => `${file} is gone: logs still hold its kind`),
  ];
}

/** Seals the files of a folder that are not sealed yet; leaves every other seal as it is. */
export function seal(folder: string): void {
  const seals = readSeals(folder);
  for (const file of filesOf(folder)) if (!seals.has(file)) seals.set(file, digestOf(folder, file));
  const lines = [...seals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, digest]) => `${digest}  ${file}\n`);
  writeFileSync(path.join(folder, SEALS), lines.join(''));
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort();
}

function digestOf(folder: string, file: string): string {
  return createHash('sha256')
    .update(readFileSync(path.join(folder, file)))
    .digest('hex');
}

function readSeals(folder: string): Map<string, string> {
  const file = path.join(folder, SEALS);
  if (!existsSync(file)) return new Map();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return new Map(
    lines.map((line) => {
      const [digest = '', name = ''] = line.split('  ');
      return [name, digest];
    }),
  );
}
