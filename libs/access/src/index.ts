export { AccessFold } from './access-fold.js';
export { accessTopics, readAccessEntry } from './access-entry.js';
export type { AccessEntry } from './access-entry.js';
export { tokenFault } from './effective-access.js';
export type { EffectiveAccess, TokenFault, TokenStanding } from './effective-access.js';
