export { ACCESS_FOLD_VERSION, AccessFold, type FoldedApplication } from './access-fold.js';
export type { AccessEvent } from './application-access.js';
export { coversEndpoint, originsOf, tokenFault } from './effective-access.js';
export { KnownOrigins } from './known-origins.js';
export type { ClosedBecause, EffectiveAccess, TokenFault, TokenStanding } from './effective-access.js';
