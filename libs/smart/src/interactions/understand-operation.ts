import { isResourceType } from '../definitions/r4.js';
import type { OperationInteraction, QueryParameter } from './interaction.js';
import type { Understanding } from './understand-search.js';

const isDate = (value: string) => /^\d{4}(-\d\d(-\d\d)?)?$/.test(value);
const isInstant = (value: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+ -]\d\d:\d\d)$/.test(value);
const areTypes = (value: string) => value.split(',').every(isResourceType);

/** Parameters of `Patient/[id]/$everything` (R4, Patient), and which of their values are understood. Each may stand once. */
const everythingParameters: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['start', isDate],
  ['end', isDate],
  ['_since', isInstant],
  ['_type', areTypes],
  ['_count', (value: string) => /^[1-9]\d{0,5}$/.test(value)],
  ['_format', (value: string) => ['json', 'application/json', 'application/fhir+json'].includes(value)],
]);

/**
 * What a call of an operation needs. The list of those that are let through is closed: what an operation shows stands in
 * no definition that could be checked, so that each is one that the gateway knows to look through.
 */
export function understandOperation(operation: OperationInteraction): Understanding {
  const { name, level, via, params } = operation;
  if (name !== 'everything') return { ok: false, reason: `the operation $${name} is not one that is let through` };
  if (level !== 'instance' || operation.type !== 'Patient')
    return { ok: false, reason: '$everything is let through for one patient at a time: Patient/[id]/$everything' };
  if (via !== 'get') return { ok: false, reason: '$everything is called by GET' };
  const fault = faultOf(params);
  return fault === undefined
    ? { ok: true, needs: [{ type: 'Patient', interaction: 'r' }] }
    : { ok: false, reason: fault };
}

function faultOf(params: readonly QueryParameter[]): string | undefined {
  const names = params.map(({ name }) => name);
  const repeated = names.find((name, at) => names.indexOf(name) !== at);
  if (repeated !== undefined) return `the parameter ${repeated} stands more than once`;
  const other = params.find(({ name, value }) => everythingParameters.get(name)?.(value) !== true);
  return other && `the parameter ${other.name} is not understood here`;
}
