import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Type } from 'typebox';
import { type Channel, channels, channelsOf } from '../catalogue.js';
import { defineContext, message } from '../definition.js';
import { goldenRecords, type GoldenRecord } from './golden-records.js';
import { type Reading, readingOf, readRelease, refusalBy, releases, RELEASES_FOLDER } from './releases.js';
import { brokenSeals } from './seals.js';

const root = path.join(RELEASES_FOLDER, '../../..');
const { version: here } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
const asFiles = (reading: Reading): unknown => JSON.parse(JSON.stringify(Object.fromEntries(reading)));
const earlier = releases().filter((version) => version !== here);

describe('the releases', () => {
  it('end with this one, whose files say what the contracts say', () => {
    expect(releases().at(-1)).toBe(here);
    expect(asFiles(readRelease(here))).toEqual(asFiles(readingOf(channels))); // else run `npm run golden`
  });

  it('before this one are sealed', () => {
    const folders = earlier.flatMap((version) =>
      [...new Set([...readRelease(version).keys()].map((name) => path.dirname(name)))].map((channel) =>
        path.join(RELEASES_FOLDER, version, channel),
      ),
    );
    expect(folders.flatMap((folder) => brokenSeals(folder))).toEqual([]);
  });

  it('include one, the last before this one or this one itself, that takes every record that this one writes', () => {
    const last = readRelease(earlier.at(-1) ?? here);
    expect(refusals(last, channels, goldenRecords())).toEqual([]);
  });
});

/** What a reading refuses of the golden records of what these channels write. */
function refusals(reading: Reading, writing: readonly Channel[], golden: readonly GoldenRecord[]): readonly string[] {
  return golden
    .filter(({ channel, message: name, version }) => {
      const definition = writing.find((it) => it.name === channel)?.messages[name];
      return definition?.version === version && !definition.announced;
    })
    .flatMap((record) => refusalBy(reading, record) ?? []);
}

describe('replaying golden records through the last release', () => {
  const Opened = Type.Object({ colour: Type.Union([Type.Literal('red'), Type.Literal('green')]) });
  const door = (opened: ReturnType<typeof message>, more: Record<string, ReturnType<typeof message>> = {}) =>
    channelsOf(defineContext({ context: 'door', commands: {}, events: { opened, ...more } }));
  const last = readingOf(door(message('Open.', Opened)));
  const opened = (data: unknown, version = 1, name = 'opened'): GoldenRecord => ({
    channel: 'door.events',
    message: name,
    version,
    variant: undefined,
    file: `door.events/${name}.v${version}.json`,
    record: JSON.stringify({ data }),
  });

  it('lets an additive change pass', () => {
    const now = door(message('Open.', Type.Object({ ...Opened.properties, by: Type.Optional(Type.String()) })));
    expect(refusals(last, now, [opened({ colour: 'red', by: 'me' })])).toEqual([]);
  });

  it('stops a value that the last release would not take', () => {
    const now = door(message('Open.', Type.Object({ colour: Type.String() })));
    expect(refusals(last, now, [opened({ colour: 'blue' })])).toEqual([
      expect.stringContaining('does not fit its schema there: /colour'),
    ]);
  });

  it('stops a property that the last release needs and that is not written any more', () => {
    const now = door(message('Open.', Type.Object({})));
    expect(refusals(last, now, [opened({})])).toEqual([expect.stringContaining('colour')]);
  });

  it('stops a new message and a new version, unless the last release announced them', () => {
    const Second = Type.Object({ colours: Type.Array(Type.String()) });
    const shut = message('Shut.', Type.Object({}));
    const upcast = (): unknown => ({ colours: [] });
    const downcast = (): unknown => ({ colour: 'red' });
    const now = door(message('Open.', Second, { version: 2, earlier: { 1: { schema: Opened, upcast } } }), { shut });
    const golden = [opened({ colours: ['red'] }, 2), opened({}, 1, 'shut')];

    expect(refusals(last, now, golden)).toEqual([
      expect.stringContaining('opened.v2.json is unknown to it'),
      expect.stringContaining('shut.v1.json is unknown to it'),
    ]);
    const prepared = door(message('Open.', Opened, { version: 1, earlier: {}, next: { schema: Second, downcast } }), {
      shut: message('Shut.', Type.Object({}), { version: 1, earlier: {}, announced: true }),
    });
    expect(refusals(readingOf(prepared), now, golden)).toEqual([]);
    expect(refusals(last, prepared, [opened({ colour: 'red' }), opened({}, 1, 'shut')])).toEqual([]);
  });
});
