import { globalSchema } from '@medplum/core';
import type { CapabilityStatement, CapabilityStatementRestResource } from '@medplum/fhirtypes';

const interactions = [
  'read',
  'vread',
  'update',
  'patch',
  'delete',
  'history-instance',
  'create',
  'search-type',
] as const satisfies readonly NonNullable<CapabilityStatementRestResource['interaction']>[number]['code'][];

const everything = { name: 'everything', definition: 'http://hl7.org/fhir/OperationDefinition/Patient-everything' };
const lastn = { name: 'lastn', definition: 'http://hl7.org/fhir/OperationDefinition/Observation-lastn' };

/** What the sandbox's FHIR server can do, for `GET /metadata`. */
export function capabilityStatement(base: string, types: readonly string[]): CapabilityStatement {
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2026-01-15',
    kind: 'instance',
    software: { name: 'Gatehouse sandbox' },
    implementation: { description: 'A FHIR server in memory, for development only', url: base },
    fhirVersion: '4.0.1',
    format: ['json'],
    patchFormat: ['application/json-patch+json'],
    rest: [
      { mode: 'server', resource: types.map(resourceOf), interaction: [{ code: 'batch' }, { code: 'transaction' }] },
    ],
  };
}

function resourceOf(type: string): CapabilityStatementRestResource {
  const parameters = Object.values(globalSchema.types[type]?.searchParams ?? {});
  return {
    type: type as NonNullable<CapabilityStatementRestResource['type']>,
    interaction: interactions.map((code) => ({ code })),
    versioning: 'versioned',
    operation: [
      { name: 'validate', definition: 'http://hl7.org/fhir/OperationDefinition/Resource-validate' },
      ...(type === 'Patient' ? [everything] : []),
      ...(type === 'Observation' ? [lastn] : []),
    ],
    searchParam: parameters.map(({ code, type: kind, url }) => ({
      name: code,
      type: kind,
      ...(url ? { definition: url } : {}),
    })),
  };
}
