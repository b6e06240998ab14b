import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Compile } from 'typebox/schema';
import type { Channel } from '../catalogue.js';
import { dataOf, type GoldenRecord } from './golden-records.js';

/** What each release reads: one folder per release, one JSON Schema per channel, message and version. */
export const RELEASES_FOLDER = fileURLToPath(new URL('../../released/', import.meta.url));

/** What a release reads, by `<channel>/<message>.v<version>`: JSON Schemas of `data`. */
export type Reading = ReadonlyMap<string, object>;

/** What this code reads: every message in its current version, the earlier ones, and the announced next one. */
export function readingOf(channels: readonly Channel[]): Reading {
  return new Map(
    channels.flatMap(({ name: channel, messages }) =>
      Object.entries(messages).flatMap(([name, { version, schema, earlier, next }]): [string, object][] => [
        ...Object.entries(earlier).map(([v, of]): [string, object] => [`${channel}/${name}.v${v}`, of.schema]),
        [`${channel}/${name}.v${version}`, schema],
        ...(next ? [[`${channel}/${name}.v${version + 1}`, next.schema] as [string, object]] : []),
      ]),
    ),
  );
}

/**
 * What a decoder that reads so would say of a golden record: undefined when it takes it, else why not. Properties that it
 * does not know pass, since schemas of `data` are open; an unknown message, a value outside an enumeration and a
 * missing property do not.
 */
export function refusalBy(reading: Reading, golden: GoldenRecord): string | undefined {
  const schema = reading.get(`${golden.channel}/${golden.message}.v${golden.version}`);
  if (schema === undefined)
    return `${golden.file} is unknown to it: announce the message (or its next version) first, write it in the release after`;
  const validator = Compile(schema);
  const data = dataOf(golden.record);
  if (validator.Check(data)) return undefined;
  const [, [first]] = validator.Errors(data);
  return `${golden.file} does not fit its schema there: ${first?.instancePath ?? ''} ${first?.message ?? ''}`;
}

/** The versions in `released/`, oldest first. */
export function releases(folder = RELEASES_FOLDER): readonly string[] {
  return readdirSync(folder).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** What a release reads, as its files say. */
export function readRelease(version: string, folder = RELEASES_FOLDER): Reading {
  const files = readdirSync(path.join(folder, version), { recursive: true, encoding: 'utf8' });
  return new Map(
    files
      .filter((file) => file.endsWith('.schema.json'))
      .map((file) => [
        file
          .split(path.sep)
          .join('/')
          .replace(/\.schema\.json$/, ''),
        JSON.parse(readFileSync(path.join(folder, version, file), 'utf8')) as object,
      ]),
  );
}

/** Writes the files of a release. */
export function writeRelease(version: string, reading: Reading, folder = RELEASES_FOLDER): void {
  for (const [name, schema] of reading) {
    const file = path.join(folder, version, `${name}.schema.json`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(schema, undefined, 2)}\n`);
  }
}
