/**
 * `npm run golden`: writes a golden record for every message, version or property that has none, and seals it; writes
 * what this release reads to `libs/contracts/released/<version of package.json>`, and seals the releases before it.
 * Never changes a golden record that is there (docs/adr/0009).
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Channel, channels } from '../catalogue.js';
import { dataOf, GOLDEN_FOLDER, goldenRecords } from './golden-records.js';
import { readingOf, readRelease, releases, RELEASES_FOLDER, writeRelease } from './releases.js';
import { sampleId, sampleOf } from './sample.js';
import { seal } from './seals.js';
import { unshownProperties } from './shown.js';

// It runs compiled, from dist/libs/contracts/src/golden, and writes beside the sources.
const ROOT = path.resolve(GOLDEN_FOLDER, '../../..').replace(/[\\/]dist$/, '');
const SOURCES = path.join(ROOT, 'libs', 'contracts');
const golden = path.join(SOURCES, path.basename(GOLDEN_FOLDER));
const released = path.join(SOURCES, path.basename(RELEASES_FOLDER));

/** All attributes that any record has; `rewrite` keeps those of its kind. */
function recordOf(channel: Channel, message: string, version: number): string {
  const definition = channel.messages[message];
  if (channel.plain) return channel.rewrite(JSON.stringify(sampleOf(definition?.schema ?? {})));
  return channel.rewrite(
    JSON.stringify({
      specversion: '1.0',
      id: sampleId(`${channel.name}/${message}`),
      source: `/gatehouse/${channel.context}`,
      type: `gatehouse.${channel.context}.${message}.v${version}`,
      subject: sampleId('application'),
      time: '2026-11-24T09:30:00.000Z',
      datacontenttype: 'application/json',
      correlationid: 'b0f1c7a2-6f6f-4d57-9a2f-0d8f6f1f4c11',
      causationid: '5d1c0f6a3a8e4a37b0d3e1f9c2b7a6d4',
      actor: '7b0e2b1c-93f4-4f0a-8d55-3c2a1f0e9d84',
      sequence: '1',
      run: '3f6c1a9e-2b7d-4f80-9c11-6a5e4d3c2b10',
      commandoffset: '17',
      deadline: '2026-11-24T09:31:00.000Z',
      expectedversion: '1',
      bodydigest: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      data: sampleOf(definition?.schema ?? {}),
    }),
  );
}

function writeNew(channel: Channel): void {
  const folder = path.join(golden, channel.name);
  mkdirSync(folder, { recursive: true });
  for (const [message, { version, schema, announced }] of Object.entries(channel.messages)) {
    if (announced) continue;
    const shown = goldenRecords(golden).filter(
      (it) => it.channel === channel.name && it.message === message && it.version === version,
    );
    const data = shown.map(({ record }) => dataOf(record));
    const [unshown] = data.length === 0 ? [''] : unshownProperties(schema, data);
    if (unshown === undefined) continue;
    const variant = unshown === '' ? '' : `.${unshown.replace(/[^A-Za-z]+/g, '-')}`;
    const file = path.join(folder, `${message}.v${version}${variant}.json`);
    if (existsSync(file)) throw new Error(`${file} is there and does not show ${unshown}: write another by hand`);
    writeFileSync(file, `${JSON.stringify(JSON.parse(recordOf(channel, message, version)), undefined, 2)}\n`);
    process.stdout.write(`new: ${path.relative(ROOT, file)}\n`);
  }
  seal(folder);
}

function writeReading(): void {
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
  const folder = path.join(released, version);
  rmSync(folder, { recursive: true, force: true });
  writeRelease(version, readingOf(channels), released);
  for (const earlier of releases(released).filter((it) => it !== version)) {
    for (const channel of new Set([...readRelease(earlier, released).keys()].map((name) => path.dirname(name))))
      seal(path.join(released, earlier, channel));
  }
}

for (const channel of channels) writeNew(channel);
writeReading();
