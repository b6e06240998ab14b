import path from 'node:path';
import { channels } from '../catalogue.js';
import { dataOf, GOLDEN_FOLDER, goldenRecords } from './golden-records.js';
import { brokenSeals } from './seals.js';
import { unnamedProperties, unshownProperties } from './shown.js';

const records = goldenRecords();

const written = channels.flatMap((channel) =>
  Object.entries(channel.messages).map(([message, definition]) => ({ channel, message, ...definition })),
);
const named = written.map((it) => [`${it.channel.name}/${it.message}.v${it.version}`, it] as const);

describe('the golden records', () => {
  it.each(named)('show %s, every property of it and no other', (_, { channel, message, version, schema }) => {
    const shown = records.filter(
      (it) => it.channel === channel.name && it.message === message && it.version === version,
    );
    expect(shown).not.toEqual([]); // else run `npm run golden`
    const data = shown.map(({ record }) => dataOf(record));
    expect(unshownProperties(schema, data)).toEqual([]); // else run `npm run golden`: it makes one more
    expect(data.flatMap((value) => unnamedProperties(schema, value))).toEqual([]); // else the change needs a new version
  });

  it('show every earlier version that the contracts lift', () => {
    const lifted = written.flatMap(({ channel, message, earlier }) =>
      Object.keys(earlier).map((version) => `${channel.name}/${message}.v${version}.json`),
    );
    expect(records.map(({ file }) => file)).toEqual(expect.arrayContaining(lifted));
  });

  it.each(records.map((golden) => [golden.file, golden] as const))('%s is read today', (_, { channel, record }) => {
    const reader = channels.find(({ name }) => name === channel);
    expect(reader).toBeDefined();
    expect(() => reader?.rewrite(record)).not.toThrow();
  });

  const current = records.filter(({ channel, message, version }) =>
    written.some((it) => it.channel.name === channel && it.message === message && it.version === version),
  );
  it.each(current.map((golden) => [golden.file, golden] as const))(
    '%s is what this release writes, byte for byte',
    (_, { channel, record }) => {
      expect(channels.find(({ name }) => name === channel)?.rewrite(record)).toBe(record);
    },
  );

  it.each(channels.map(({ name }) => name))('of %s never change', (name) => {
    expect(brokenSeals(path.join(GOLDEN_FOLDER, name))).toEqual([]);
  });
});
