import type { Adapter } from 'oidc-provider';

const nothing = async () => undefined;

/** For what is not the provider's to keep: all is forgotten, and nothing is found. */
export const nothingKept: Adapter = {
  upsert: nothing,
  find: nothing,
  findByUid: nothing,
  findByUserCode: nothing,
  consume: nothing,
  destroy: nothing,
  revokeByGrantId: nothing,
};
