import { randomBytes, randomUUID } from 'node:crypto';
import { storeOn, vaultDatabase, type VaultDatabase } from '#testing';
import { BlindIndex } from './postgres/blind-index.js';
import {
  LocalWrappingKeys,
  OwnerErased,
  PostgresVault,
  SystemKeys,
  VaultCorrupt,
  VaultErasures,
  type VaultStore,
  type WrappingKeys,
} from './index.js';

describe('the vault in Postgres', () => {
  let database: VaultDatabase;
  let source: VaultDatabase['source'];
  let store: VaultStore;
  const keys = new LocalWrappingKeys(randomBytes(32));
  /** Another instance, with no memory of its own. */
  const instance = (given: WrappingKeys = keys) => new PostgresVault(store, given);
  const erasures = () => new VaultErasures(store, new SystemKeys(store, keys));
  const erase = async (id: string): Promise<void> => {
    await erasures().apply([{ id, at: '2026-11-27T09:00:00.000Z' }]);
  };
  const rows = (table: string): Promise<Record<string, unknown>[]> => source.query(`SELECT * FROM vault.${table}`);

  beforeAll(async () => {
    database = await vaultDatabase();
    ({ source, store } = database);
  }, 30_000);
  afterAll(() => database.close());

  describe('gives a person one random id', () => {
    it('the same on every instance, also when all see them first at once', async () => {
      const ids = await Promise.all(
        Array.from({ length: 12 }, () => instance().subjectId('https://idp.example.org', 'at-once')),
      );
      expect(new Set(ids).size).toBe(1);
      expect(await instance().subjectId('https://idp.example.org', 'at-once')).toBe(ids[0]);
    });

    it('another for the same subject of another issuer, however the two are cut', async () => {
      const vault = instance();
      const ids = await Promise.all([
        vault.subjectId('https://a.example.org', 'x'),
        vault.subjectId('https://b.example.org', 'x'),
        vault.subjectId('https://a.example.orgx', ''),
        vault.subjectId('https://a.example.org","', 'x'),
      ]);
      expect(new Set(ids).size).toBe(4);
    });

    it('that says who they are, with the profile of their last sign-in that had one', async () => {
      const id = await instance().subjectId('https://idp.example.org', 'ada', {
        name: 'Ada',
        email: 'ada@example.org',
      });
      await instance().subjectId('https://idp.example.org', 'ada');
      expect(await instance().lookupSubject(id)).toEqual({
        issuer: 'https://idp.example.org',
        subject: 'ada',
        name: 'Ada',
        email: 'ada@example.org',
      });
      await instance().subjectId('https://idp.example.org', 'ada', { name: 'Ada King' });
      expect(await instance().lookupSubject(id)).toMatchObject({ name: 'Ada King', email: 'ada@example.org' });
    });

    it('that costs no read the second time', async () => {
      let reads = 0;
      const counted = new PostgresVault({ query: (sql, parameters) => (reads++, store.query(sql, parameters)) }, keys);
      const id = await counted.subjectId('https://idp.example.org', 'often', { name: 'O' });
      const after = reads;
      expect(await counted.subjectId('https://idp.example.org', 'often', { name: 'O' })).toBe(id);
      expect(await counted.subjectId('https://idp.example.org', 'often')).toBe(id);
      expect(reads).toBe(after);
    });

    it('and finds several in one read, without those it does not know', async () => {
      const vault = instance();
      const [one, two] = await Promise.all([vault.subjectId('i', 'one'), vault.subjectId('i', 'two')]);
      const found = await vault.lookupSubjects([one, randomUUID(), 'no uuid', two]);
      expect([...found.keys()].sort()).toEqual([one, two].sort());
      expect(found.get(two)).toEqual({ issuer: 'i', subject: 'two' });
    });
  });

  describe('seals values', () => {
    const contact = { name: 'Grace Hopper', email: 'grace@navy.example.org', tags: ['a', null, 1.5, true] };

    it('and opens them by reference, one or many', async () => {
      const vault = instance();
      const [one, two] = await Promise.all([vault.seal('app-1', contact), vault.seal('app-1', 'text')]);
      expect(await instance().open(one)).toEqual(contact);
      expect(await instance().openAll([two, randomUUID(), 'no uuid', one])).toEqual(
        new Map<string, unknown>([
          [one, contact],
          [two, 'text'],
        ]),
      );
      expect(await instance().open(randomUUID())).toBeUndefined();
    });

    it('so that no table holds any of it in the clear', async () => {
      const vault = instance();
      await vault.seal('owner-in-the-clear', contact);
      await vault.subjectId('https://issuer-in-the-clear.example.org', 'subject-in-the-clear', {
        name: 'Name In The Clear',
        email: 'clear@example.org',
      });
      const dump = (await Promise.all(['owners', 'subjects', 'sealed', 'system_keys'].map(rows)))
        .flat()
        .flatMap((row) => Object.values(row))
        .map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value)))
        .join('\n');
      expect(dump.length).toBeGreaterThan(100);
      for (const secret of [
        'Grace',
        'navy.example.org',
        'owner-in-the-clear',
        'issuer-in-the-clear',
        'subject-in-the-clear',
        'Name In',
        'clear@',
      ])
        expect(dump).not.toContain(secret);
    });

    it('and seals the same value differently each time', async () => {
      const vault = instance();
      const [one, two] = await Promise.all([vault.seal('twice', contact), vault.seal('twice', contact)]);
      const boxes: { box: Buffer }[] = await source.query(
        'SELECT box FROM vault.sealed WHERE reference = ANY($1::uuid[])',
        [[one, two]],
      );
      expect(boxes[0]?.box.equals(boxes[1]?.box ?? Buffer.alloc(0))).toBe(false);
    });

    it('and opens no box that was changed, moved to another reference or owner, or sealed under another key', async () => {
      const vault = instance();
      const [mine, other, foreign] = [
        await vault.seal('mine', contact),
        await vault.seal('mine', 'other'),
        await vault.seal('foreign', 'foreign'),
      ];
      await source.query(
        'UPDATE vault.sealed SET box = (SELECT box FROM vault.sealed WHERE reference = $2) WHERE reference = $1',
        [other, mine],
      );
      await source.query(
        'UPDATE vault.sealed SET owner = (SELECT owner FROM vault.sealed WHERE reference = $2) WHERE reference = $1',
        [foreign, mine],
      );
      await expect(vault.open(other)).rejects.toThrow(VaultCorrupt);
      await expect(vault.open(foreign)).rejects.toThrow(VaultCorrupt);
      await source.query(
        String.raw`UPDATE vault.sealed SET box = set_byte(box, 40, (get_byte(box, 40) + 1) % 256) WHERE reference = $1`,
        [mine],
      );
      await expect(vault.open(mine)).rejects.toThrow(VaultCorrupt);
    });

    it('and says which key is missing', async () => {
      const reference = await instance().seal('keyed', 'value');
      const wrong = instance(new LocalWrappingKeys(randomBytes(32)));
      await expect(wrong.open(reference)).rejects.toThrow(await keys.currentId());
    });
  });

  it('deletes one value that nothing refers to, and no other; twice is once', async () => {
    const vault = instance();
    const [kept, dropped] = [await vault.seal('owner-d', 'kept'), await vault.seal('owner-d', 'dropped')];
    await vault.discard(dropped);
    await vault.discard(dropped);
    await vault.discard('no reference');
    expect([await vault.open(kept), await vault.open(dropped)]).toEqual(['kept', undefined]);
  });

  describe('hands over what was sealed for one owner', () => {
    it('to another, under the same references: it goes with them, and no more with the first; twice is once', async () => {
      const vault = instance();
      const [first, heir] = [randomUUID(), await vault.subjectId('i', 'heir')];
      const [one, two, others] = await Promise.all([vault.seal(first, 1), vault.seal(first, 2), vault.seal('else', 3)]);
      await Promise.all([vault.handOver(first, heir), instance().handOver(first, heir)]);
      await erase(first);
      const all = [one, two, others];
      expect(await instance().openAll(all)).toEqual(new Map([...all.entries()].map(([at, it]) => [it, at + 1])));
      await erase(heir);
      expect(await instance().openAll(all)).toEqual(new Map([[others, 3]]));
    });

    it('not to one who was erased, and nothing changes', async () => {
      const vault = instance();
      const [first, erased] = [randomUUID(), randomUUID()];
      const reference = await vault.seal(first, 1);
      await erase(erased);
      await expect(vault.handOver(first, erased)).rejects.toThrow(OwnerErased);
      expect(await vault.open(reference)).toBe(1);
    });
  });

  describe('erases', () => {
    it('all that a person has, and nothing of others; twice is once', async () => {
      const vault = instance();
      const [gone, stays] = await Promise.all([vault.subjectId('i', 'gone'), vault.subjectId('i', 'stays')]);
      const [mine, also, others] = await Promise.all([vault.seal(gone, 1), vault.seal(gone, 2), vault.seal(stays, 3)]);
      await erase(gone);
      await erase(gone);
      await erase('no id');
      expect(await vault.openAll([mine, also, others])).toEqual(new Map([[others, 3]]));
      expect([await erasures().erasedAt(gone), await erasures().erasedAt(stays)]).toEqual([
        '2026-11-27T09:00:00.000Z',
        undefined,
      ]);
      expect(await erasures().notErased([gone, stays, 'no id'])).toEqual([stays]);
      expect(await erasures().holding([gone, stays, 'no id'])).toEqual([stays]);
      const dump = JSON.stringify(await Promise.all(['owners', 'subjects', 'sealed'].map(rows)));
      expect([mine, also, gone].filter((id) => dump.includes(id))).toEqual([]);
    });

    it('for ever: no instance seals for the old id again, whatever it remembers', async () => {
      const vault = instance();
      const id = await vault.subjectId('i', 'for ever', { name: 'F' });
      await erase(id);
      await expect(vault.seal(id, 'late')).rejects.toThrow(OwnerErased);
      expect(await vault.lookupSubject(id)).toBeUndefined();
    });

    it('whoever seals for them at the same time: what comes through opens to nothing', async () => {
      const vault = instance();
      const id = await vault.subjectId('i', 'at once');
      const sealed = await Promise.allSettled([vault.seal(id, 1), erase(id), vault.seal(id, 2), vault.seal(id, 3)]);
      const references = sealed.flatMap((it) =>
        it.status === 'fulfilled' && it.value !== undefined ? [it.value] : [],
      );
      expect(await vault.openAll(references)).toEqual(new Map());
    });

    /** A vault that stops before it keeps a box. */
    const stoppedBeforeKeeping = () => {
      const [reached, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const halted: VaultStore = {
        query: async (sql, parameters) => {
          if (sql.includes('INSERT INTO vault.sealed')) {
            reached.resolve();
            await goOn.promise;
          }
          return store.query(sql, parameters);
        },
      };
      return { vault: new PostgresVault(halted, keys), reached: reached.promise, goOn: goOn.resolve };
    };

    it('whoever has their key already: nothing is sealed for them a moment later', async () => {
      const id = await instance().subjectId('i', 'a moment later');
      const { vault, reached, goOn } = stoppedBeforeKeeping();
      const sealed = vault.seal(id, 'late').then(
        () => 'sealed',
        (error: unknown) => error,
      );
      await reached;
      await erase(id);
      goOn();
      expect(await sealed).toBeInstanceOf(OwnerErased);
    });

    it('what is being sealed for them at that moment', async () => {
      const id = await instance().subjectId('i', 'at that moment');
      const runner = source.createQueryRunner();
      await runner.startTransaction();
      const reference = await new PostgresVault(storeOn(runner), keys).seal(id, 'late');
      const erased = erase(id);
      const waiting = 'SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))';
      while ((await storeOn(runner).query(waiting, [])).length === 0); // nobody tells
      await runner.commitTransaction();
      await runner.release();
      await erased;
      expect(await source.query('SELECT 1 FROM vault.sealed WHERE reference = $1', [reference])).toEqual([]);
    });

    it('those whom it does not know as well, so that an earlier copy cannot bring them back', async () => {
      const id = randomUUID();
      await erase(id);
      await expect(instance().seal(id, 'late')).rejects.toThrow(OwnerErased);
    });

    it('a person, who gets another id at the next sign-in, on other instances too once they forgot the old one', async () => {
      const [vault, other] = [instance(), instance()];
      const before = await vault.subjectId('i', 'leaver', { name: 'L' });
      await other.subjectId('i', 'leaver', { name: 'L' });
      await erase(before);
      const renamed = await other.subjectId('i', 'leaver', { name: 'Other' });
      expect(renamed).not.toBe(before);
      vault.forget(before);
      expect(await vault.subjectId('i', 'leaver', { name: 'L' })).toBe(renamed);
      expect(await vault.lookupSubject(before)).toBeUndefined();
    });

    it('locks owners in one order, so that two instances never wait for each other', async () => {
      const ids = await Promise.all(Array.from({ length: 30 }, (_, n) => instance().subjectId('i', `ordered ${n}`)));
      const owners = await Promise.all(ids.map((id) => new BlindIndex(new SystemKeys(store, keys)).ofOwner(id)));
      const last = owners.toSorted(Buffer.compare).at(-1);
      const holder = source.createQueryRunner();
      await holder.startTransaction();
      await holder.query('SELECT 1 FROM vault.owners WHERE owner = $1 FOR UPDATE', [last]);
      const applied = erasures().apply(ids.map((id) => ({ id, at: '2026-11-27T09:00:00.000Z' })));
      const waiting = 'SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))';
      while ((await storeOn(holder).query(waiting, [])).length === 0); // nobody tells
      const free = 'SELECT owner FROM vault.owners WHERE owner = ANY($1::bytea[]) FOR UPDATE SKIP LOCKED';
      const others = await storeOn(holder).query<{ owner: Buffer }>(free, [owners]);
      expect(others.map(({ owner }) => owner)).toEqual([last]);
      await holder.rollbackTransaction();
      await holder.release();
      await applied;
    });

    it('and knows how far it has read of them, which never goes back', async () => {
      expect(await erasures().readTo()).toBe(0n);
      const one = [{ id: randomUUID(), at: '2026-11-27T09:00:00.000Z' }];
      expect(await erasures().apply(one, { from: 0n, to: 7n })).toBe(true);
      expect(await erasures().apply([], { from: 7n, to: 9n })).toBe(true);
      expect(await erasures().apply([], { from: 0n, to: 3n })).toBe(true);
      expect(await erasures().apply([], { from: 2n, to: 8n })).toBe(true);
      expect(await erasures().readTo()).toBe(9n);
    });

    it.each([
      ['it has read less', 3],
      ['it has read nothing', undefined],
    ])('without leaving any out, where a copy was put back in which %s', async (_what, stored) => {
      await source.query('DELETE FROM vault.erasures_read');
      if (stored !== undefined)
        await source.query('INSERT INTO vault.erasures_read (next_offset) VALUES ($1)', [stored]);
      const id = await instance().subjectId('i', `after ${String(stored)}`);
      const late = [{ id, at: '2026-11-27T09:00:00.000Z' }];
      expect(await erasures().apply(late, { from: 6n, to: 7n })).toBe(false);
      expect(await erasures().readTo()).toBe(BigInt(stored ?? 0));
      expect(await instance().lookupSubject(id)).toBeUndefined();
      expect(await erasures().apply(late, { from: BigInt(stored ?? 0), to: 7n })).toBe(true);
      expect(await erasures().readTo()).toBe(7n);
    });
  });
});
