import type { FhirEndpoint, FhirEndpoints } from '#fhir-endpoints';

const kinds = 'Patient|Practitioner|PractitionerRole|RelatedPerson|Person';
const reference = new RegExp(`^(${kinds})/[A-Za-z0-9.-]{1,64}$`);

/**
 * A person's own resource at an endpoint, as a reference within its FHIR server: from a URL below the endpoint's base or
 * the server's, and where there is but one endpoint from a relative reference too. Undefined for anything else: nobody is
 * then taken for somebody's patient or clinician, and `Patient/1` of one endpoint not for that of another.
 */
export function fhirUserAt(
  claimed: string | undefined,
  endpoint: FhirEndpoint,
  endpoints: FhirEndpoints,
): string | undefined {
  if (claimed === undefined) return undefined;
  const base = [endpoint.base, endpoint.upstream.url].find((it) => claimed.startsWith(`${it}/`));
  if (base === undefined && endpoints.only !== endpoint) return undefined;
  const relative = base === undefined ? claimed : claimed.slice(base.length + 1);
  return reference.test(relative) ? relative : undefined;
}
