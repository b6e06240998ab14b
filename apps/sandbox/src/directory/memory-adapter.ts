import type { Adapter, AdapterPayload } from 'oidc-provider';

interface Entry {
  readonly payload: AdapterPayload;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/** How many entries may gather before the expired ones are dropped. */
const sweepAt = 2_000;

/** Where the directory keeps sessions and codes: one map per process, gone when it ends, which signs people out. */
export function memoryAdapters(now: () => number = Date.now): (model: string) => Adapter {
  const entries = new Map<string, Entry>();
  const live = (key: string): AdapterPayload | undefined => {
    const entry = entries.get(key);
    if (entry === undefined || entry.expires > now()) return entry?.payload;
    entries.delete(key);
    return undefined;
  };
  const where = (model: string, matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined => {
    for (const key of [...entries.keys()]) {
      const payload = key.startsWith(`${model}:`) ? live(key) : undefined;
      if (payload && matches(payload)) return payload;
    }
    return undefined;
  };

  return (model) => ({
    upsert: async (id, payload, expiresIn) => {
      if (entries.size >= sweepAt) for (const key of [...entries.keys()]) live(key);
      entries.set(`${model}:${id}`, {
        payload,
        expires: expiresIn === undefined ? Infinity : now() + expiresIn * 1000,
      });
    },
    find: async (id) => live(`${model}:${id}`),
    findByUid: async (uid) => where(model, (payload) => payload.uid === uid),
    findByUserCode: async (userCode) => where(model, (payload) => payload.userCode === userCode),
    consume: async (id) => {
      const payload = live(`${model}:${id}`);
      if (payload) payload.consumed = Math.floor(now() / 1000);
    },
    destroy: async (id) => {
      entries.delete(`${model}:${id}`);
    },
    revokeByGrantId: async (grantId) => {
      for (const [key, { payload }] of [...entries])
        if (key.startsWith(`${model}:`) && payload.grantId === grantId) entries.delete(key);
    },
  });
}
