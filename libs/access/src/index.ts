export { AccessFold } from './access-fold.js';
export type { AccessEvent } from './application-access.js';
export { tokenFault } from './effective-access.js';
export type { ClosedBecause, EffectiveAccess, TokenFault, TokenStanding } from './effective-access.js';
