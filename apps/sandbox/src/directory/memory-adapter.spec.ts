import { memoryAdapters } from './memory-adapter.js';

describe('what the directory keeps in memory', () => {
  let now: number;
  let adapters: ReturnType<typeof memoryAdapters>;
  beforeEach(() => {
    now = 1_000_000;
    adapters = memoryAdapters(() => now);
  });

  it('is found by its model and id until it expires', async () => {
    await adapters('Session').upsert('s1', { uid: 'u1' }, 60);
    expect(await adapters('Session').find('s1')).toEqual({ uid: 'u1' });
    expect(await adapters('Session').findByUid('u1')).toEqual({ uid: 'u1' });
    expect(await adapters('Interaction').find('s1')).toBeUndefined();
    now += 60_000;
    expect(await adapters('Session').find('s1')).toBeUndefined();
    expect(await adapters('Session').findByUid('u1')).toBeUndefined();
  });

  it('is gone when destroyed, or revoked with its grant', async () => {
    const codes = adapters('AuthorizationCode');
    await codes.upsert('a', { grantId: 'g1' }, 60);
    await codes.upsert('b', { grantId: 'g2' }, 60);
    await codes.upsert('c', { grantId: 'g2' }, 60);
    await codes.revokeByGrantId('g1');
    await codes.destroy('b');
    expect([await codes.find('a'), await codes.find('b')]).toEqual([undefined, undefined]);
    expect(await codes.find('c')).toEqual({ grantId: 'g2' });
  });

  it('notes when a code was used', async () => {
    await adapters('AuthorizationCode').upsert('a', {}, 60);
    await adapters('AuthorizationCode').consume('a');
    expect(await adapters('AuthorizationCode').find('a')).toEqual({ consumed: 1000 });
  });
});
