import { resourceTypes, searchParameterRows } from './r4.generated.js';

/** A concrete resource type of FHIR R4 (4.0.1), such as `Patient`. */
export type ResourceType = (typeof resourceTypes)[number];

/** How a search parameter compares (FHIR R4, Search, 3.1.1.4). */
export type SearchParameterKind =
  'number' | 'date' | 'string' | 'token' | 'reference' | 'composite' | 'quantity' | 'uri' | 'special';

export interface SearchParameter {
  readonly code: string;
  readonly kind: SearchParameterKind;
  /** For a reference the types that it may point to, `*` for any; empty for every other kind. */
  readonly targets: readonly ResourceType[] | '*';
}

const known: ReadonlySet<string> = new Set(resourceTypes);

/** Every concrete resource type of R4, in alphabetical order. */
export const allResourceTypes: readonly ResourceType[] = resourceTypes;

/** Whether `name` is a concrete resource type of R4, written exactly so (`patient` is not). */
export function isResourceType(name: string): name is ResourceType {
  return known.has(name);
}

const commonParameters: ReadonlyMap<string, SearchParameter> = parametersIn(
  '_id:token _lastUpdated:date _profile:uri _security:token _source:uri _tag:token',
);
const parametersByType = new Map<ResourceType, ReadonlyMap<string, SearchParameter>>();

/**
 * The search parameter `code` of `type` as R4 defines it (its own, or one that all types have), else undefined.
 * With `*` only those that all types have. `_text`, `_content`, `_list`, `_query`, `_filter` and `_has` are not
 * among them: what they look at cannot be told from the request.
 */
export function searchParameterOf(type: ResourceType | '*', code: string): SearchParameter | undefined {
  const common = commonParameters.get(code);
  if (common || type === '*') return common;
  let own = parametersByType.get(type);
  if (!own) {
    own = parametersIn(searchParameterRows[type]);
    parametersByType.set(type, own);
  }
  return own.get(code);
}

function parametersIn(row: string): ReadonlyMap<string, SearchParameter> {
  const parameters = row
    .split(' ')
    .filter((word) => word !== '')
    .map((word): [string, SearchParameter] => {
      const [, code = '', kind = '', targets = ''] = /^([^:]+):([a-z]+)(?:\((.+)\))?$/.exec(word) ?? [];
      return [
        code,
        {
          code,
          kind: kind as SearchParameterKind,
          targets: targets === '*' ? '*' : targets.split('|').filter(isResourceType),
        },
      ];
    });
  return new Map(parameters);
}
