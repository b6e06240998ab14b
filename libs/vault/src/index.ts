export {
  OwnerErased,
  VaultCorrupt,
  VaultUnavailable,
  type Json,
  type Profile,
  type Subject,
  type Vault,
} from './vault.js';
export { decrypt, encrypt } from './wrapping/cipher.js';
export { LocalWrappingKeys } from './wrapping/local-wrapping-keys.js';
export { RemoteWrappingKeys } from './wrapping/remote-wrapping-keys.js';
export { ServiceBeforeLocalKeys } from './wrapping/service-before-local-keys.js';
export type { WrappedKey, WrappingKeys } from './wrapping/wrapping-keys.js';
export { VaultErasures, type Erasure } from './postgres/vault-erasures.js';
export { SystemKeys } from './postgres/system-keys.js';
export { PostgresVault } from './postgres/postgres-vault.js';
export type { VaultStore } from './postgres/vault-store.js';
export { rewrapKeys, type Rewrapped } from './postgres/rewrap-keys.js';
export { CreateVault1763942400000 } from './postgres/create-vault.js';
export { KeepVaultKeys1764252000000 } from './postgres/keep-vault-keys.js';
