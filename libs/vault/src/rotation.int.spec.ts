import { randomBytes } from 'node:crypto';
import { vaultDatabase, type VaultDatabase } from '#testing';
import {
  LocalWrappingKeys,
  PostgresVault,
  rewrapKeys,
  SystemKeys,
  VaultCorrupt,
  VaultErasures,
  type VaultStore,
  type WrappingKeys,
} from './index.js';

/** Counts what it is asked, and holds its keys as a service elsewhere would: nothing of them is seen here. */
class ServiceKeys implements WrappingKeys {
  readonly #keys: LocalWrappingKeys;
  unwrapped = 0;
  failAfter = Infinity;
  constructor(...keys: [Buffer, ...Buffer[]]) {
    this.#keys = new LocalWrappingKeys(...keys);
  }
  currentId = () => this.#keys.currentId();
  wrap: WrappingKeys['wrap'] = (key, context) => this.#keys.wrap(key, context);
  unwrap: WrappingKeys['unwrap'] = (wrapped, context) => {
    if (++this.unwrapped > this.failAfter) throw new Error('the service is away');
    return this.#keys.unwrap(wrapped, context);
  };
}

describe('the wrapping key', () => {
  let database: VaultDatabase;
  let store: VaultStore;
  const [first, second] = [randomBytes(32), randomBytes(32)];
  const vaultUnder = (keys: WrappingKeys) => new PostgresVault(store, keys);
  const wrappedBy = async (): Promise<string[]> => {
    const rows = await store.query<{ by: string }>(
      `SELECT wrapped_by AS by FROM vault.owners WHERE erased_at IS NULL UNION SELECT wrapped_by FROM vault.system_keys`,
      [],
    );
    return rows.map(({ by }) => by);
  };

  beforeEach(async () => {
    database = await vaultDatabase();
    ({ store } = database);
  }, 30_000);
  afterEach(() => database.close());

  it('may be another: new keys are wrapped by it, earlier ones are still unwrapped, and people keep their ids', async () => {
    const before = vaultUnder(new LocalWrappingKeys(first));
    const [ada, sealed] = [await before.subjectId('i', 'ada', { name: 'Ada' }), await before.seal('owner', 'value')];

    const after = vaultUnder(new LocalWrappingKeys(second, first));
    expect(await after.subjectId('i', 'ada')).toBe(ada);
    expect(await after.lookupSubject(ada)).toMatchObject({ name: 'Ada' });
    expect(await after.open(sealed)).toBe('value');
    await after.seal('new owner', 'value');
    expect((await wrappedBy()).sort()).toEqual(
      [await new LocalWrappingKeys(first).currentId(), await new LocalWrappingKeys(second).currentId()].sort(),
    );
    await expect(vaultUnder(new LocalWrappingKeys(second)).open(sealed)).rejects.toThrow(VaultCorrupt);
  });

  it('is not needed any more once all was wrapped anew', async () => {
    const before = vaultUnder(new ServiceKeys(first));
    const ada = await before.subjectId('i', 'ada', { name: 'Ada' });
    const owners = Array.from({ length: 450 }, (_, number) => `owner ${number}`);
    const sealed = await Promise.all(owners.map((owner) => before.seal(owner, owner)));

    const seen: number[] = [];
    const both = new ServiceKeys(second, first);
    const done = await rewrapKeys(store, both, (progress) => seen.push(progress.done));
    expect(done).toEqual({ currentId: await both.currentId(), done: 452, of: 452 });
    expect(seen).toEqual([201, 401, 452]);

    const after = vaultUnder(new ServiceKeys(second));
    expect(await after.subjectId('i', 'ada')).toBe(ada);
    expect([...(await after.openAll(sealed)).values()].sort()).toEqual([...owners].sort());
    expect(await rewrapKeys(store, both)).toMatchObject({ done: 0, of: 0 });
  });

  it('is changed in the middle of use, by a rotation that ended half way and went on', async () => {
    const before = vaultUnder(new LocalWrappingKeys(first));
    const ids = await Promise.all(Array.from({ length: 300 }, (_, n) => before.subjectId('i', `person ${n}`)));
    const [erased = '', ...others] = ids;

    const failing = new ServiceKeys(second, first);
    failing.failAfter = 250;
    await expect(rewrapKeys(store, failing)).rejects.toThrow('the service is away');
    expect(await wrappedBy()).toHaveLength(2);

    const both = new LocalWrappingKeys(second, first);
    const erase = (id: string) =>
      new VaultErasures(store, new SystemKeys(store, both)).apply([{ id, at: '2026-11-27T09:00:00.000Z' }]);
    await Promise.all([rewrapKeys(store, both), rewrapKeys(store, both), erase(erased)]);
    expect(await wrappedBy()).toEqual([await both.currentId()]);
    const found = await vaultUnder(new LocalWrappingKeys(second)).lookupSubjects(ids);
    expect([...found.keys()].sort()).toEqual([...others].sort());
  });

  it('that is missing is named, and nothing is lost', async () => {
    const sealed = await vaultUnder(new LocalWrappingKeys(first)).seal('owner', 'value');
    const { by } = await new LocalWrappingKeys(first).wrap(first, '');
    await expect(rewrapKeys(store, new LocalWrappingKeys(second))).rejects.toThrow(by);
    expect(await vaultUnder(new LocalWrappingKeys(first)).open(sealed)).toBe('value');
  });
});
