import {
  type AllowedOperation,
  allResourceTypes,
  type Enforced,
  isWrittenByName,
  oauthPaths,
  type ResourceType,
} from '#smart';
import type { SupportedWrites } from '../write/write-support.js';

/** Types that cannot be had through the gateway yet, whatever the scopes say. */
const withheld: ReadonlySet<string> = new Set(['Bundle', 'Parameters', 'Subscription']);

const validate = { name: 'validate', definition: 'http://hl7.org/fhir/OperationDefinition/Resource-validate' };
/** FHIR Bulk Data Access 2.0. */
const exports = {
  system: { name: 'export', definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export' },
  Patient: { name: 'export', definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export' },
  Group: { name: 'export', definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export' },
};
const everything = { name: 'everything', definition: 'http://hl7.org/fhir/OperationDefinition/Patient-everything' };

const INTERACTIONS = ['read', 'vread', 'history-instance', 'history-type', 'search-type'] as const;

/**
 * What this FHIR API does (R4, CapabilityStatement). Built, and not the upstream's passed through: it says what is
 * enforced here, under our URLs.
 *
 * @param publicUrl where callers reach this service, without a slash at its end
 * @param base      our FHIR base, likewise
 * @param date      RFC 3339: since when this has been so
 * @param enforced  what is enforced of writes, Bundles and operations
 * @param supported what the FHIR server was found to keep of writes: what it does not is refused. Undefined while nobody wrote:
 *   then it says nothing of updates that create
 */
export function capabilityStatement(
  publicUrl: string,
  base: string,
  date: string,
  enforced: Enforced,
  supported?: SupportedWrites,
): object {
  const takesWrites = enforced.writes !== undefined && supported?.update !== false;
  const listed = (enforced.operations ?? []).filter(({ level }) => level === 'system');
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date,
    kind: 'instance',
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    ...(takesWrites ? { patchFormat: ['application/json-patch+json'] } : {}),
    software: { name: 'Gatehouse' },
    implementation: { description: 'FHIR R4 behind Gatehouse', url: base },
    rest: [
      {
        mode: 'server',
        security: {
          extension: [oauthUris(publicUrl)],
          cors: true,
          service: [
            {
              coding: [
                {
                  system: 'http://terminology.hl7.org/CodeSystem/restful-security-service',
                  code: 'SMART-on-FHIR',
                  display: 'SMART-on-FHIR',
                },
              ],
            },
          ],
        },
        resource: allResourceTypes
          .filter((type) => !withheld.has(type))
          .map((type) => ({
            type,
            ...operationsOf(type, enforced),
            interaction: interactionsOf(type, enforced, supported).map((code) => ({ code })),
            ...(takesWrites && isWritten(type, enforced) ? writing(enforced, supported) : {}),
          })),
        operation: [exports.system, ...listed.map(told)],
        ...(enforced.bundles ? { interaction: [{ code: 'batch' }, { code: 'transaction' }] } : {}),
      },
    ],
  };
}

/** A Binary is read by its id, from what names it. */
function interactionsOf(
  type: ResourceType,
  enforced: Enforced,
  supported: SupportedWrites | undefined,
): readonly string[] {
  if (type === 'Binary') return ['read', 'vread'];
  if (!isWritten(type, enforced) || supported?.update === false) return INTERACTIONS;
  const deletes = supported?.delete === false ? [] : ['delete'];
  return [...INTERACTIONS, 'create', 'update', 'patch', ...deletes];
}

/** How a type is written. */
function writing({ writes }: Enforced, supported: SupportedWrites | undefined): object {
  const updateCreate = writes?.updatesCreate === true && supported?.updateCreates;
  return {
    versioning: 'versioned-update',
    // Whether an update creates is not known before somebody wrote.
    ...(updateCreate === undefined ? {} : { updateCreate }),
    conditionalCreate: true,
    conditionalUpdate: true,
    conditionalDelete: supported?.delete === false ? 'not-supported' : 'single',
  };
}

/** Those that are let through, on the type or on one of its resources. */
function operationsOf(type: ResourceType, enforced: Enforced): object {
  const listed = (enforced.operations ?? []).filter((it) => it.type === type);
  const operation = [
    ...(type === 'Patient' ? [everything, exports.Patient] : []),
    ...(type === 'Group' ? [exports.Group] : []),
    ...(isWritten(type, enforced) ? [validate] : []),
    ...listed.map(told),
  ];
  return operation.length === 0 ? {} : { operation };
}

function told({ name, definition }: AllowedOperation): object {
  return { name, definition };
}

function isWritten(type: ResourceType, { writes }: Enforced): boolean {
  return writes !== undefined && type !== 'Binary' && (!isWrittenByName(type) || writes.byName.has(type));
}

/** The addresses of the authorization server, equal to those of smart-configuration (SMART App Launch 1.0). */
function oauthUris(publicUrl: string): object {
  return {
    url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
    extension: [
      { url: 'authorize', valueUri: publicUrl + oauthPaths.authorization },
      { url: 'token', valueUri: publicUrl + oauthPaths.token },
      { url: 'register', valueUri: publicUrl + oauthPaths.registration },
      { url: 'manage', valueUri: publicUrl + oauthPaths.grants },
      { url: 'introspect', valueUri: publicUrl + oauthPaths.introspection },
      { url: 'revoke', valueUri: publicUrl + oauthPaths.revocation },
    ],
  };
}
