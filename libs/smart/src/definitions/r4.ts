import { elementRows, patientCompartmentRows, resourceTypes, searchParameterRows } from './r4.generated.js';

/** A concrete resource type of FHIR R4 (4.0.1), such as `Patient`. */
export type ResourceType = (typeof resourceTypes)[number];

/** How a search parameter compares (FHIR R4, Search, 3.1.1.4). */
export type SearchParameterKind =
  'number' | 'date' | 'string' | 'token' | 'reference' | 'composite' | 'quantity' | 'uri' | 'special';

/** One way from a resource to the values of a search parameter, through plain elements and the members of lists. */
export interface ElementPath {
  readonly steps: readonly {
    readonly name: string;
    /** Only members in which this element has this value. */
    readonly where?: { readonly name: string; readonly value: string };
  }[];
  /** Only references to this type. */
  readonly target?: ResourceType;
}

export interface SearchParameter {
  readonly code: string;
  readonly kind: SearchParameterKind;
  /** For a reference the types that it may point to, `*` for any; empty for every other kind. */
  readonly targets: readonly ResourceType[] | '*';
  /** Where its values stand; empty for one that is only passed on, since nothing here could tell what it matches. */
  readonly paths: readonly ElementPath[];
}

const known: ReadonlySet<string> = new Set(resourceTypes);

/** Every concrete resource type of R4, in alphabetical order. */
export const allResourceTypes: readonly ResourceType[] = resourceTypes;

/** Whether `name` is a concrete resource type of R4, written exactly so (`patient` is not). */
export function isResourceType(name: string): name is ResourceType {
  return known.has(name);
}

const commonParameters: ReadonlyMap<string, SearchParameter> = parametersIn(
  '_id:token@id _lastUpdated:date _profile:uri@meta.profile _security:token@meta.security _source:uri@meta.source _tag:token@meta.tag',
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
      const [, code = '', kind = '', targets = '', paths = ''] =
        /^([^:]+):([a-z]+)(?:\(([^)]+)\))?(?:@(.+))?$/.exec(word) ?? [];
      return [
        code,
        {
          code,
          kind: kind as SearchParameterKind,
          targets: targets === '*' ? '*' : targets.split('|').filter(isResourceType),
          paths: paths === '' ? [] : paths.split('|').map(readElementPath),
        },
      ];
    });
  return new Map(parameters);
}

function readElementPath(text: string): ElementPath {
  const [path = '', target] = text.split('^');
  const steps = path.split('.').map((step) => {
    const [, name = '', condition, value] = /^(\w+)(?:\[(\w+)=([\w-]+)\])?$/.exec(step) ?? [];
    return condition === undefined || value === undefined ? { name } : { name, where: { name: condition, value } };
  });
  return target !== undefined && isResourceType(target) ? { steps, target } : { steps };
}

/** The search parameters that put a resource of this type into a patient's compartment; empty for types outside it. */
export function patientCompartmentOf(type: ResourceType): readonly string[] {
  return patientCompartmentRows[type]?.split(' ') ?? [];
}

/** Top-level elements of a type, as R4's definitions mark them; `value*` stands for all of `value[x]`. */
export interface MarkedElements {
  /** Those that a resource must have. */
  readonly mandatory: readonly string[];
  /** Those that a summary has besides. */
  readonly summary: readonly string[];
}

export function markedElementsOf(type: ResourceType): MarkedElements {
  const [mandatory = '', summary = ''] = elementRows[type].split('|');
  const words = (text: string) => (text === '' ? [] : text.split(' '));
  return { mandatory: words(mandatory), summary: words(summary) };
}
