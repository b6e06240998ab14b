import { isResourceType } from '../definitions/r4.js';
import { allowedOperation, type AllowedOperation } from './allowed-operation.js';
import type { OperationInteraction, QueryParameter } from './interaction.js';
import type { Understanding } from './understand-search.js';

const isDate = (value: string) => /^\d{4}(-\d\d(-\d\d)?)?$/.test(value);
const isInstant = (value: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+ -]\d\d:\d\d)$/.test(value);
const areTypes = (value: string) => value.split(',').every(isResourceType);
const isJsonFormat = (value: string) => ['json', 'application/json', 'application/fhir+json'].includes(value);
const isCanonical = (value: string) => /^https?:\/\/[\w.:/-]{1,500}(\|[\w.-]{1,100})?$/.test(value);

/** The parameters that an operation takes, and which of their values are understood. Each may stand once. */
type Taken = ReadonlyMap<string, (value: string) => boolean>;

/** Of `Patient/[id]/$everything` (R4, Patient). */
const everythingParameters: Taken = new Map([
  ['start', isDate],
  ['end', isDate],
  ['_since', isInstant],
  ['_type', areTypes],
  ['_count', (value: string) => /^[1-9]\d{0,5}$/.test(value)],
  ['_format', isJsonFormat],
]);

/** Of `$validate` (R4, Resource), where the body is the resource alone. */
const validateParameters: ReadonlyMap<'type' | 'instance', Taken> = new Map(
  (['type', 'instance'] as const).map((level) => [
    level,
    new Map([
      ['mode', (value: string) => value === (level === 'type' ? 'create' : 'update')],
      ['profile', isCanonical],
      ['_format', isJsonFormat],
    ]),
  ]),
);

/**
 * What a call of an operation needs. The list of those that are let through is closed: what an operation shows stands in
 * no definition that could be checked, so that each is one that the gateway knows to look through, or one that the
 * operator of the endpoint describes.
 */
export function understandOperation(
  operation: OperationInteraction,
  allowed: readonly AllowedOperation[] = [],
): Understanding {
  const { name, level, via, params } = operation;
  if (name !== 'everything') return understandAllowed(operation, allowed);
  if (level !== 'instance' || operation.type !== 'Patient')
    return { ok: false, reason: '$everything is let through for one patient at a time: Patient/[id]/$everything' };
  if (via !== 'get') return { ok: false, reason: '$everything is called by GET' };
  const fault = faultOf(params, everythingParameters);
  return fault === undefined
    ? { ok: true, needs: [{ type: 'Patient', interaction: 'r' }] }
    : { ok: false, reason: fault };
}

function understandAllowed(call: OperationInteraction, list: readonly AllowedOperation[]): Understanding {
  const allowed = allowedOperation(call, list);
  if (!allowed)
    return { ok: false, reason: `the operation $${call.name} is not one that is let through here: see operations` };
  const isText = (value: string) => value.length > 0;
  const taken = new Map([...allowed.parameters].map((name) => [name, isText]));
  const fault = faultOf(call.params, new Map([...taken, ['_format', isJsonFormat]]));
  if (fault !== undefined) return { ok: false, reason: fault };
  const { needs, partly } = allowed;
  return { ok: true, needs: partly ? needs : needs.map((need) => ({ ...need, whole: true })) };
}

/** Why a call of `$validate` is not understood; undefined for one that is. What it needs are the needs of a write. */
export function faultOfValidation(call: OperationInteraction): string | undefined {
  const { level, via, params } = call;
  if (level === 'system') return '$validate is called on a type or on a resource';
  if (via !== 'post') return '$validate is called by POST';
  return faultOf(params, validateParameters.get(level) ?? new Map());
}

/** The parameters of a `$validate` whose body is a Parameters (R4, Resource, validate): names, and values as text. */
export function faultOfValidationParameters(
  level: 'type' | 'instance',
  params: readonly QueryParameter[],
): string | undefined {
  return faultOf(params, validateParameters.get(level) ?? new Map());
}

function faultOf(params: readonly QueryParameter[], taken: Taken): string | undefined {
  const names = params.map(({ name }) => name);
  const repeated = names.find((name, at) => names.indexOf(name) !== at);
  if (repeated !== undefined) return `the parameter ${repeated} stands more than once`;
  const other = params.find(({ name, value }) => taken.get(name)?.(value) !== true);
  return other && `the parameter ${other.name} is not understood here`;
}
