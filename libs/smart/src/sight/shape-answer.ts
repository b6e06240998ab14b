import type { FhirResource } from '../definitions/element-values.js';
import { isResourceType, markedElementsOf } from '../definitions/r4.js';
import type { QueryParameter } from '../interactions/interaction.js';

const subsetted = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };

/**
 * What of a resource is sent when `_elements` or `_summary` asks for less (R4, Search, 3.1.1.5.8 and 9). The guarded
 * server is never asked for less, since what is left out could not be checked. Mandatory elements stay, and the
 * resource is tagged as cut.
 */
export function shapeResource(resource: FhirResource, params: readonly QueryParameter[]): FhirResource {
  const keep = keptElements(resource, params);
  if (!keep) return resource;
  const kept = Object.entries(resource).filter(([name]) => keep(name.replace(/^_/, '')));
  const meta = typeof resource['meta'] === 'object' && resource['meta'] !== null ? resource['meta'] : {};
  const tags: unknown = 'tag' in meta ? meta.tag : undefined;
  const tag = [...(Array.isArray(tags) ? (tags as readonly unknown[]) : []), subsetted];
  return { ...Object.fromEntries(kept), resourceType: resource.resourceType, meta: { ...meta, tag } };
}

/** Whether anything is cut by these parameters. */
export function isShaped(params: readonly QueryParameter[]): boolean {
  return params.some(
    ({ name, value }) => name === '_elements' || (name === '_summary' && ['true', 'text', 'data'].includes(value)),
  );
}

function keptElements(
  { resourceType }: FhirResource,
  params: readonly QueryParameter[],
): ((name: string) => boolean) | undefined {
  const summary = params.find(({ name }) => name === '_summary')?.value;
  const elements = params.find(({ name }) => name === '_elements')?.value.split(',');
  const marked = isResourceType(resourceType) ? markedElementsOf(resourceType) : { mandatory: [], summary: [] };
  const always = ['resourceType', 'id', 'meta', 'implicitRules', ...marked.mandatory];
  if (elements) return among([...always, ...elements]);
  switch (summary) {
    case 'true':
      return among([...always, ...marked.summary]);
    case 'text':
      return among([...always, 'text']);
    case 'data':
      return (name) => name !== 'text';
    default:
      return undefined;
  }
}

/** `value*` among the names stands for each of `valueQuantity`, `valueString` and so on. */
function among(names: readonly string[]): (name: string) => boolean {
  const exact = new Set(names);
  const choices = names.filter((it) => it.endsWith('*')).map((it) => it.slice(0, -1));
  return (name) => exact.has(name) || choices.some((it) => name.startsWith(it) && /^[A-Z]/.test(name.slice(it.length)));
}
