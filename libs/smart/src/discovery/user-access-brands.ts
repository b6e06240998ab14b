/** Who runs this service, as patients know it. */
export interface Brand {
  readonly name: string;
  /** Where its users find it. */
  readonly website: string;
}

/** A FHIR endpoint of the brand. */
export interface BrandEndpoint {
  readonly id: string;
  /** The FHIR base, without a slash at its end. */
  readonly base: string;
}

/**
 * The Bundle that `user_access_brand_bundle` names (SMART App Launch 2.2, User-access Brands and Endpoints): the brand, and
 * every endpoint at which its patients' data can be had.
 *
 * @param location  where the Bundle is served; its resources are named beside it
 * @param timestamp RFC 3339: since when it is so
 */
export function userAccessBrands(
  brand: Brand,
  endpoints: readonly BrandEndpoint[],
  { location, timestamp }: { readonly location: string; readonly timestamp: string },
): object {
  const beside = location.slice(0, location.lastIndexOf('/'));
  const organization = {
    resourceType: 'Organization',
    id: 'brand',
    identifier: [{ system: 'urn:ietf:rfc:3986', value: brand.website }],
    active: true,
    name: brand.name,
    telecom: [{ system: 'url', value: brand.website }],
    endpoint: endpoints.map(({ id }) => ({ reference: `Endpoint/${id}` })),
  };
  const resources = [organization, ...endpoints.map((endpoint) => endpointOf(brand, endpoint))];
  return {
    resourceType: 'Bundle',
    type: 'collection',
    timestamp,
    entry: resources.map((resource) => ({
      fullUrl: `${beside}/${resource.resourceType}/${resource.id}`,
      resource,
    })),
  };
}

function endpointOf({ name, website }: Brand, { id, base }: BrandEndpoint) {
  const terminology = 'http://terminology.hl7.org/CodeSystem';
  return {
    resourceType: 'Endpoint',
    id,
    extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version', valueCode: '4.0.1' }],
    status: 'active',
    connectionType: { system: `${terminology}/endpoint-connection-type`, code: 'hl7-fhir-rest' },
    name: `FHIR R4 of ${name}`,
    contact: [{ system: 'url', value: website }],
    payloadType: [{ coding: [{ system: `${terminology}/endpoint-payload-type`, code: 'none' }] }],
    address: base,
  };
}
