export { allResourceTypes, isResourceType, searchParameterOf } from './definitions/r4.js';
export type { ResourceType, SearchParameter, SearchParameterKind } from './definitions/r4.js';
export { covers, intersect, isNarrowerOrEqual } from './scopes/algebra.js';
export { explainScope } from './scopes/explain-scope.js';
export { parseScope, parseScopeList, parseScopes, scopeLimits } from './scopes/parse-scope.js';
export type { ParsedScope, ParsedScopes, ScopeFault } from './scopes/parse-scope.js';
export { interactionsInOrder } from './scopes/scope.js';
export type {
  AccessDurationScope,
  IdentityScope,
  LaunchScope,
  ResourceScope,
  Scope,
  ScopeContext,
  ScopeInteraction,
  ScopeParameter,
} from './scopes/scope.js';
export { serialiseScope, serialiseScopes } from './scopes/serialise-scope.js';
