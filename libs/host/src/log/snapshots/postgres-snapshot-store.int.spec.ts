import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import type { SnapshotKey, StoredSnapshot } from '#event-log';
import { type Isolation, isolate } from '../../../../../test/environment/isolation.js';
import { Database } from '../../database/database.js';
import { PostgresSnapshotStore } from './postgres-snapshot-store.js';

let own: Isolation;
let issuer: TestIssuer;
let service: TestService;
let database: Database;
let store: PostgresSnapshotStore;

beforeAll(async () => {
  [own, issuer] = await Promise.all([isolate(), testIssuer()]);
  service = await startTestService({ name: 'keeper', defaultPort: 8099 }, { databaseUrl: own.databaseUrl, issuer });
  database = service.app.get(Database);
  store = new PostgresSnapshotStore(database);
}, 60_000);

afterAll(async () => {
  await service.close();
  await issuer.close();
  await own.dispose();
});

function aKey(): SnapshotKey {
  return { name: randomUUID(), partition: 3, version: 4 };
}

function snapshot(...reached: bigint[]): StoredSnapshot {
  return { id: randomUUID(), reached, head: Buffer.from(`head ${reached.join()}`) };
}

async function* parts(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function partsOf(id: string): Promise<string[]> {
  const found: string[] = [];
  for (let part = await store.part(id, 0); part; part = await store.part(id, found.length)) found.push(part.toString());
  return found;
}

async function strayParts(): Promise<number> {
  const rows = await database.query(
    'SELECT FROM projection.snapshot_parts WHERE snapshot NOT IN (SELECT id FROM projection.snapshots)',
  );
  return rows.length;
}

describe('snapshots in Postgres', () => {
  it('come back as they were written, and nothing is left of what they replaced', async () => {
    const key = aKey();
    const [first, second] = [snapshot(1n, 2n), snapshot(9_007_199_254_740_993n, 2n)];
    expect(await store.load(key)).toBeUndefined();
    expect(await store.save(key, first, parts('a', 'b'))).toBe(true);
    expect(await store.load(key)).toEqual(first);
    expect(await store.save(key, second, parts('c'))).toBe(true);
    expect(await store.load(key)).toEqual(second);
    expect(await partsOf(second.id)).toEqual(['c']);
    expect(await partsOf(first.id)).toEqual([]);
    await store.discard(first.id);
    expect(await store.load(key)).toEqual(second);
    await store.discard(second.id);
    expect(await store.load(key)).toBeUndefined();
    expect(await partsOf(second.id)).toEqual([]);
  });

  it('never move back, in any offset', async () => {
    const offsets = fc.tuple(fc.bigInt({ min: 0n, max: 4n }), fc.bigInt({ min: 0n, max: 4n }));
    await fc.assert(
      fc.asyncProperty(fc.array(offsets, { maxLength: 8 }), async (tries) => {
        const key = aKey();
        let kept: readonly bigint[] = [];
        for (const reached of tries) {
          const further =
            kept.length === 0 || (String(reached) !== String(kept) && reached.every((at, index) => at >= kept[index]!));
          expect(await store.save(key, snapshot(...reached), parts('x'))).toBe(further);
          if (further) kept = reached;
          expect((await store.load(key))?.reached).toEqual(kept);
        }
      }),
      { numRuns: 20 },
    );
    expect(await strayParts()).toBe(0);
  });

  it('that break off leave the one before, whole', async () => {
    const key = aKey();
    const first = snapshot(1n);
    await store.save(key, first, parts('a', 'b'));
    const broken = (async function* () {
      yield Buffer.from('c');
      throw new Error('stopped');
    })();
    await expect(store.save(key, snapshot(2n), broken)).rejects.toThrow('stopped');
    expect(await store.load(key)).toEqual(first);
    expect(await partsOf(first.id)).toEqual(['a', 'b']);
    expect(await strayParts()).toBe(0);
  });

  it('of two at once, one is kept, with its own parts', async () => {
    const key = aKey();
    const all = [1n, 2n, 3n].map((at) => snapshot(at));
    await Promise.all(all.map((each) => store.save(key, each, parts(String(each.reached), 'end'))));
    const kept = await store.load(key);
    expect(await partsOf(kept!.id)).toEqual([String(kept!.reached), 'end']);
    await store.save(key, snapshot(4n), parts('later'));
    expect(await strayParts()).toBe(0);
  });

  it('of two versions back are forgotten; the one before stays, for a release that is rolled back', async () => {
    const key = aKey();
    for (const version of [4, 5, 6]) await store.save({ ...key, version }, snapshot(1n), parts('x'));
    expect(await store.load({ ...key, version: 4 })).toBeUndefined();
    expect(await store.load({ ...key, version: 5 })).toBeDefined();
    expect(await strayParts()).toBe(0);
  });
});
