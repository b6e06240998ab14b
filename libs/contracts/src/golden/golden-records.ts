import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the golden records stand; compiled code finds its copy in dist/. */
export const GOLDEN_FOLDER = fileURLToPath(new URL('../../golden/', import.meta.url));

/** One record as it stands on the wire, of one version of one message (docs/adr/0009). */
export interface GoldenRecord {
  /** The channel's name, for example `registration.events`. */
  readonly channel: string;
  readonly message: string;
  readonly version: number;
  /** What this one shows, where a version has several. */
  readonly variant: string | undefined;
  /** Relative to {@link GOLDEN_FOLDER}. */
  readonly file: string;
  /** The record's value, without the spaces of the file. */
  readonly record: string;
}

/** The data of a record: what stands in its envelope, or all of one that has none. */
export function dataOf(record: string): unknown {
  const value = JSON.parse(record) as object;
  return 'data' in value ? value.data : value;
}

const FILE = /^(?<message>[a-z-]+)\.v(?<version>[1-9]\d*)(\.(?<variant>[A-Za-z-]+))?\.json$/;

/** Every golden record, in the order of their names. A file that is named otherwise is a fault. */
export function goldenRecords(folder = GOLDEN_FOLDER): readonly GoldenRecord[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.split(path.sep).join('/'))
    .sort()
    .map((file) => {
      const [channel = '', name = '', ...deeper] = file.split('/');
      const { message, version, variant } = FILE.exec(name)?.groups ?? {};
      if (message === undefined || deeper.length > 0)
        throw new Error(`golden/${file} is not named <channel>/<message>.v<version>[.<variant>].json`);
      const record = JSON.stringify(JSON.parse(readFileSync(path.join(folder, file), 'utf8')));
      return { channel, message, version: Number(version), variant, file, record };
    });
}
