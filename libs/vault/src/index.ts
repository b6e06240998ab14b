export { VaultCorrupt, VaultUnavailable, type Json, type Profile, type Subject, type Vault } from './vault.js';
export { LocalKeyWrapper, type KeyWrapper } from './cipher.js';
export { PostgresVault, type VaultStore } from './postgres/postgres-vault.js';
export { CreateVault1763942400000 } from './postgres/create-vault.js';
