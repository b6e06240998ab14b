export {
  isAboutOthers,
  isOfPatient,
  linksOf,
  membershipOf,
  patientsIn,
  patientsNamedIn,
} from './compartments/patient-compartment.js';
export { standingTo } from './compartments/patient-record.js';
export { localReference } from './compartments/reference.js';
export type { LocalReference } from './compartments/reference.js';
export { isObject, isResource, valuesAt } from './definitions/element-values.js';
export type { FhirResource } from './definitions/element-values.js';
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
export { exportedTypes, exportExtent, exportLevelOf, isExport, systemScopes } from './interactions/decide-export.js';
export type { ExportLevel } from './interactions/decide-export.js';
export { decideInteraction } from './interactions/decide-interaction.js';
export type { Enforced } from './interactions/decide-interaction.js';
export type { Decision } from './interactions/decide-needs.js';
export type { EnforcedWrites } from './interactions/decide-write.js';
export { allowedOperation, neverAllowed } from './interactions/allowed-operation.js';
export type { AllowedOperation, OperationAnswer } from './interactions/allowed-operation.js';
export { isInteractionKind, isWrite } from './interactions/interaction.js';
export type {
  FhirInteraction,
  OperationInteraction,
  QueryParameter,
  WriteInteraction,
} from './interactions/interaction.js';
export { understandCondition } from './interactions/understand-condition.js';
export { faultOfValidationParameters } from './interactions/understand-operation.js';
export { readRequest } from './interactions/read-request.js';
export type { FhirRequest } from './interactions/read-request.js';
export { splitTarget, targetLimits, writeParameters } from './interactions/request-target.js';
export { upstreamTarget } from './interactions/upstream-target.js';
export type { UpstreamTarget } from './interactions/upstream-target.js';
export { matchesParameter } from './sight/match-parameter.js';
export { binariesNamedIn, showsBinary } from './sight/binaries.js';
export type { NamedBinaries } from './sight/binaries.js';
export { asAsked, narrowSearch } from './sight/narrow-search.js';
export type { NarrowedSearch } from './sight/narrow-search.js';
export { isShaped, shapeResource } from './sight/shape-answer.js';
export { extentOf, isReached, isWrittenByName, judge, systemReaches } from './sight/sight.js';
export { Withholding, type WithholdingRule } from './sight/withholding.js';
export type { AskedAbout, Reach, Reaches, Sight, Verdict } from './sight/sight.js';
export {
  authorizationServerMetadata,
  oauthPaths,
  openidConfiguration,
  smartConfiguration,
  brandsPath,
} from './discovery/smart-configuration.js';
export type {
  AuthorizationServerMetadata,
  OpenidConfiguration,
  SmartConfiguration,
} from './discovery/smart-configuration.js';
export { parseExactly, readExactJson } from './writes/exact-json.js';
export type { ReadJson } from './writes/exact-json.js';
export { applyJsonPatch, PatchFailed, readJsonPatch } from './writes/json-patch.js';
export type { PatchOperation } from './writes/json-patch.js';
export { readWritten } from './writes/written-resource.js';
export type { ReadResource } from './writes/written-resource.js';
export { isPlaceholder, linkEntries, refersTo } from './bundles/entry-references.js';
export { readBundle } from './bundles/read-bundle.js';
export type { BundleEntry, BundleFault, BundleRequest } from './bundles/read-bundle.js';
export { userAccessBrands, type Brand, type BrandEndpoint } from './discovery/user-access-brands.js';
