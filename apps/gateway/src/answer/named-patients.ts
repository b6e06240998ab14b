import { type FhirResource, isObject, isResource, isResourceType, patientsNamedIn } from '#smart';

/** A resource, and those that it carries: in the entries of a Bundle, or in parameters and their parts. */
export function resourcesIn(resource: FhirResource): readonly FhirResource[] {
  const { resourceType: type } = resource;
  const parts = type === 'Bundle' ? resource['entry'] : type === 'Parameters' ? resource['parameter'] : undefined;
  return [resource, ...objectsIn(parts).flatMap(resourcesInPart)];
}

/** The patients whom all that an answer holds names, in whatever carries it, by their ids on the FHIR server. */
export function patientsOf(resource: FhirResource, bases: readonly string[]): readonly string[] {
  return resourcesIn(resource).flatMap((each) => {
    const { resourceType: type } = each;
    return type === 'Bundle' || !isResourceType(type) ? [] : patientsNamedIn(each, type, bases);
  });
}

/** Of an entry of a Bundle, or a parameter with its parts. */
function resourcesInPart({ resource, part }: Readonly<Record<string, unknown>>): readonly FhirResource[] {
  return [...(isResource(resource) ? resourcesIn(resource) : []), ...objectsIn(part).flatMap(resourcesInPart)];
}

function objectsIn(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
