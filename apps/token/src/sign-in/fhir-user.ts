const kinds = 'Patient|Practitioner|PractitionerRole|RelatedPerson|Person';
const reference = new RegExp(`^(${kinds})/[A-Za-z0-9.-]{1,64}$`);

/**
 * A person's own resource, as a reference within the FHIR server: from a relative reference, or from a URL below one
 * of its bases. Undefined for anything else: nobody is then taken for somebody's patient or clinician.
 */
export function fhirUserOf(claimed: string | undefined, bases: readonly string[]): string | undefined {
  if (claimed === undefined) return undefined;
  const base = bases.find((it) => claimed.startsWith(`${it}/`));
  const relative = base === undefined ? claimed : claimed.slice(base.length + 1);
  return reference.test(relative) ? relative : undefined;
}
