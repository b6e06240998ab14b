import type { FhirInteraction } from '#smart';

/** Whether the FHIR server was asked for less than the resources are: what says whose they are may be left out. */
export function showsInPart(interaction: FhirInteraction): boolean {
  const params = 'params' in interaction ? interaction.params : [];
  return params.some(
    ({ name, value }) => name === '_elements' || name === '_summary' || (name === '_count' && value === '0'),
  );
}
