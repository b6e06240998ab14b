import fc from 'fast-check';

import type { LogSettings } from '../kafka/log-connection.js';
import { MemorySnapshots } from '#testing';
import { snapshotPace } from './snapshot-pace.js';
import { type SnapshotContent, Snapshots } from './snapshots.js';
import type { SnapshotKey } from './snapshot-store.js';

const key: SnapshotKey = { name: 'fold', partition: 3, version: 1 };
const macKey = Buffer.alloc(32, 1);
const signal = new AbortController().signal;

let warnings: string[];
let settings: LogSettings;
let store: MemorySnapshots;
let snapshots: Snapshots;

beforeEach(() => {
  warnings = [];
  const silent = (): void => undefined;
  const warn = (fields: object): void => void warnings.push('err' in fields ? String(fields.err) : '');
  settings = {
    brokers: [],
    clientId: 'test',
    prefix: 't.',
    sink: { debug: silent, info: silent, warn, error: silent },
  };
  store = new MemorySnapshots();
  snapshots = keptUnder(macKey);
});

function keptUnder(secret: Buffer, isOfTheLog = true): Snapshots {
  return new Snapshots(settings, store, secret, snapshotPace, () => Promise.resolve(isOfTheLog));
}

function content(offset: bigint, items: unknown[]): SnapshotContent {
  return {
    reached: [{ topic: 'events', partition: 3, offset }],
    witnesses: [{ topic: 'events', partition: 3, offset: offset - 1n, id: 'last' }],
    facts: { nextCommand: '7' },
    items,
  };
}

async function save(offset: bigint, items: unknown[], as = snapshots): Promise<boolean> {
  return as.save(key, () => content(offset, items), signal);
}

async function load(
  from = snapshots,
  of = key,
): Promise<{ readonly items: unknown[]; readonly next: bigint } | undefined> {
  let items: unknown[] = [];
  const loaded = await from.load(
    of,
    () => (items = []),
    (item) => items.push(item),
  );
  return loaded && { items, next: loaded.reached[0]!.offset };
}

/** The one snapshot that is kept, and its parts. */
function kept(): { readonly head: Buffer; readonly parts: Buffer[] } {
  const [stored] = [...store.heads.values()];
  return { head: stored!.head, parts: store.parts.get(stored!.id)! };
}

describe('a snapshot', () => {
  it('gives back what it was given, in order, whatever its size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue(), { maxLength: 40 }),
        fc.integer({ min: 1, max: 40_000 }),
        async (items, length) => {
          store = new MemorySnapshots();
          const long = items.map((item) => [item, 'x'.repeat(length)]);
          const fresh = keptUnder(macKey);
          expect(await save(9n, long, fresh)).toBe(true);
          expect(await load(fresh)).toEqual({ items: JSON.parse(JSON.stringify(long)), next: 9n });
        },
      ),
      { numRuns: 50 },
    );
  });

  it('comes in parts, so that neither writing nor reading holds others up for long', async () => {
    await save(
      9n,
      Array.from({ length: 20 }, () => 'x'.repeat(60_000)),
    );
    expect(kept().parts.length).toBeGreaterThan(3);
  });

  it('is not there at first', async () => {
    expect(await load()).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('is not believed when a byte of it was changed, is taken away, and the log says so', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        store = new MemorySnapshots();
        warnings = [];
        const fresh = keptUnder(macKey);
        await save(
          9n,
          Array.from({ length: 9 }, () => 'x'.repeat(60_000)),
          fresh,
        );
        const { head, parts } = kept();
        const bytes = [head, ...parts][at % (parts.length + 1)]!;
        bytes[at % bytes.length]! ^= change;
        expect(await load(fresh)).toBeUndefined();
        expect(warnings).toEqual([expect.stringContaining('SnapshotUnusable')]);
        expect(store.heads.size).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('is not believed when its parts change places, or come from another one', async () => {
    const items = Array.from({ length: 20 }, (_, index) => `${index}${'x'.repeat(60_000)}`);
    await save(9n, items);
    const { parts } = kept();
    parts.reverse();
    expect(await load()).toBeUndefined();

    await save(9n, items);
    const earlier = [...kept().parts];
    await save(10n, items);
    kept().parts.splice(0, 1, earlier[0]!);
    expect(await load()).toBeUndefined();
    expect(warnings).toHaveLength(2);
  });

  it('is not believed under another key, nor put in the place of another partition or version', async () => {
    await save(9n, ['a']);
    const [stored] = [...store.heads.values()];
    const version = { ...key, version: 2 };
    expect(await load(snapshots, version)).toBeUndefined();
    expect(warnings).toEqual([]);

    for (const other of [version, { ...key, partition: 4 }, { ...key, name: 'other' }]) {
      store.heads.set(`t.${other.name}/${other.partition}/${other.version}`, stored!);
      expect(await load(snapshots, other)).toBeUndefined();
      await save(9n, ['a']);
    }
    expect(warnings).toHaveLength(3);
    expect(await load()).toEqual({ items: ['a'], next: 9n });
    expect(await load(keptUnder(Buffer.alloc(32, 2)))).toBeUndefined();
    expect(warnings).toHaveLength(4);
  });

  it('of another log is not used', async () => {
    await save(9n, ['a']);
    expect(await load(keptUnder(macKey, false))).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('not of this log')]);
  });

  it('never takes the place of one that is as far', async () => {
    await save(9n, ['further']);
    expect(await save(8n, ['behind'])).toBe(false);
    expect(await save(9n, ['same'])).toBe(false);
    expect(await load()).toEqual({ items: ['further'], next: 9n });
  });

  it('that was replaced while it was read is read again', async () => {
    await save(9n, ['a']);
    const part = store.part.bind(store);
    store.part = async (id, number) => {
      store.part = part;
      await save(10n, ['b']);
      return part(id, number);
    };
    expect(await load()).toEqual({ items: ['b'], next: 10n });
  });

  it('leaves the one before when it is given up, and when the store is away', async () => {
    await save(9n, ['a']);
    const stopping = new AbortController();
    const long = (function* () {
      for (let index = 0; index < 10; index++) {
        if (index === 6) stopping.abort();
        yield 'x'.repeat(100_000);
      }
    })();
    const stopped = snapshots.save(key, () => ({ ...content(10n, []), items: long }), stopping.signal);
    expect(await stopped).toBe(false);
    expect(warnings).toEqual([]);
    store.save = () => Promise.reject(new Error('away'));
    expect(await save(11n, ['c'])).toBe(false);
    expect(warnings).toEqual(['Error: away']);
    expect(await load()).toEqual({ items: ['a'], next: 9n });
    store.load = () => Promise.reject(new Error('away'));
    expect(await load()).toBeUndefined();
  });
});
