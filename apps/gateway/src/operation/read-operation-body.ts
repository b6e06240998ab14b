import { type FhirResource, isObject, isResource, type QueryParameter } from '#smart';
import { malformed } from '../write/read-written-body.js';

/** What a Parameters body says: texts by name, and resources by name. */
export interface OperationBody {
  readonly params: readonly QueryParameter[];
  readonly resources: readonly { readonly name: string; readonly resource: FhirResource }[];
}

/**
 * Takes a Parameters apart (R4, Parameters): each parameter has a name and one value, a primitive one, or a resource.
 *
 * @throws NotAnswered (400) when it is something else
 */
export function readOperationBody(body: unknown): OperationBody {
  if (!isResource(body) || body.resourceType !== 'Parameters') throw malformed('the body is not a Parameters resource');
  const { parameter = [], ...others } = body;
  const unknown = Object.keys(others).find((name) => name !== 'resourceType' && name !== 'id' && name !== 'meta');
  if (unknown !== undefined) throw malformed('the Parameters have an element that is not understood here');
  if (!Array.isArray(parameter)) throw malformed('parameter is a list');
  const params: QueryParameter[] = [];
  const resources: { readonly name: string; readonly resource: FhirResource }[] = [];
  for (const each of parameter as readonly unknown[]) {
    if (!isObject(each) || typeof each['name'] !== 'string') throw malformed('each parameter has a name');
    const { name, resource, ...values } = each;
    const [[element, value] = [], more] = Object.entries(values);
    if (more !== undefined || (resource === undefined) === (element === undefined))
      throw malformed('each parameter has one value');
    if (isResource(resource)) resources.push({ name, resource });
    else params.push({ name, value: textOf(element, value) });
  }
  return { params, resources };
}

function textOf(element: string | undefined, value: unknown): string {
  const isValue = !isObject(value) || JSON.isRawJSON(value);
  const isPrimitive = element !== undefined && /^value[A-Z][A-Za-z0-9]+$/.test(element) && isValue;
  if (isPrimitive && typeof value === 'string' && value !== '') return value;
  if (isPrimitive && (typeof value === 'number' || typeof value === 'boolean')) return String(value);
  if (isPrimitive && JSON.isRawJSON(value)) return JSON.stringify(value);
  throw malformed('a parameter has a value that is not understood here');
}
