import { isResourceType, type ResourceType } from '../definitions/r4.js';
import type { FhirInteraction, QueryParameter } from './interaction.js';
import { readParameters, readPath, Unrecognised } from './request-target.js';

/** A request as it came in; `splitTarget` gives `path` and `query`. */
export interface FhirRequest {
  readonly method: string;
  /** Below the FHIR base, as sent, nothing decoded: `/Patient/p1`. */
  readonly path: string;
  /** Behind the question mark, as sent, nothing decoded. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The body of a `POST …/_search` as text; needed for that alone. */
  readonly form?: string;
}

/** FHIR R4's `id`, and a version's; a segment of dots alone was refused before. */
const idPattern = /^[A-Za-z0-9\-.]{1,64}$/;
const operationPattern = /^\$[A-Za-z][A-Za-z0-9-]{0,63}$/;
const formType = /^application\/x-www-form-urlencoded\s*(;\s*charset="?utf-8"?\s*)?$/i;

/** Headers by which a server may be talked into another method than the one that is judged here. */
const methodOverrides = ['x-http-method-override', 'x-http-method', 'x-method-override', 'x-original-method'];

/** What a request asks for: a method and the segments below the base decide, and no two forms overlap. */
interface Route {
  readonly method: string;
  readonly segments: readonly string[];
  readonly params: readonly QueryParameter[];
  readonly request: FhirRequest;
}

/**
 * Which interaction a request is, on which type and id. Only what is written exactly as FHIR R4's RESTful API
 * writes it is recognised; everything else is `unrecognised`, with a reason, and must be refused. The request
 * is to be sent on as `upstreamTarget` writes it, so that what was judged is what is asked.
 * HEAD is read as GET. Compartment searches (`/Patient/p1/Observation`) are not recognised.
 */
export function readRequest(request: FhirRequest): FhirInteraction {
  try {
    const headers = Object.entries(request.headers).filter(([, value]) => value !== undefined);
    const override = headers.find(([name]) => methodOverrides.includes(name.toLowerCase()));
    if (override) throw new Unrecognised(`the header ${override[0]} would change the method`);
    return route({
      method: request.method === 'HEAD' ? 'GET' : request.method,
      segments: readPath(request.path),
      params: readParameters(request.query),
      request,
    });
  } catch (error) {
    if (!(error instanceof Unrecognised)) throw error;
    return { kind: 'unrecognised', reason: error.message };
  }
}

function route(it: Route): FhirInteraction {
  const [first, ...rest] = it.segments;
  if (first === undefined) return onBase(it);
  if (isResourceType(first)) return onType(it, first, rest);
  if (rest.length === 0) return onSystem(it, first);
  throw new Unrecognised(`${first} is not a resource type of FHIR R4`);
}

function onBase({ method, params }: Route): FhirInteraction {
  if (method === 'GET') return { kind: 'search-system', via: 'get', params };
  if (method === 'POST') return { kind: 'batch-or-transaction', params };
  throw new Unrecognised(`${method} on the base is no interaction`);
}

function onSystem(it: Route, name: string): FhirInteraction {
  const { method, params } = it;
  if (method === 'GET' && name === 'metadata') return { kind: 'capabilities', params };
  if (method === 'GET' && name === '_history') return { kind: 'history-system', params };
  if (method === 'POST' && name === '_search') return { kind: 'search-system', via: 'post', params: withForm(it) };
  if (method === 'DELETE' && name === '$export-status')
    return { kind: 'operation', name: name.slice(1), via: 'delete', level: 'system', params };
  if (name.startsWith('$')) return { ...operation(it, name), level: 'system' };
  throw new Unrecognised(`${method} /${name} is no interaction`);
}

function onType(it: Route, type: ResourceType, rest: readonly string[]): FhirInteraction {
  const { method, params } = it;
  const [second, ...more] = rest;
  if (second === undefined) return onTypeAlone(it, type);
  if (more.length === 0) {
    if (method === 'POST' && second === '_search')
      return { kind: 'search-type', type, via: 'post', params: withForm(it) };
    if (method === 'GET' && second === '_history') return { kind: 'history-type', type, params };
    if (second.startsWith('$')) return { ...operation(it, second), level: 'type', type };
  }
  if (!idPattern.test(second)) throw new Unrecognised('the id is not one by FHIR R4, or the form is unknown');
  return onInstance(it, type, second, more);
}

function onTypeAlone(it: Route, type: ResourceType): FhirInteraction {
  const { method, params } = it;
  switch (method) {
    case 'GET':
      return { kind: 'search-type', type, via: 'get', params };
    case 'POST': {
      const condition = ifNoneExist(it);
      return condition ? { kind: 'conditional-create', type, condition, params } : { kind: 'create', type, params };
    }
    case 'PUT':
      return { kind: 'conditional-update', type, params };
    case 'PATCH':
      return { kind: 'conditional-patch', type, params };
    case 'DELETE':
      return { kind: 'conditional-delete', type, params };
    default:
      throw new Unrecognised(`${method} on a type is no interaction`);
  }
}

function onInstance(it: Route, type: ResourceType, id: string, rest: readonly string[]): FhirInteraction {
  const { method, params } = it;
  const [third, versionId, ...more] = rest;
  if (third === undefined) {
    switch (method) {
      case 'GET':
        return { kind: 'read', type, id, params };
      case 'PUT':
        return { kind: 'update', type, id, params };
      case 'PATCH':
        return { kind: 'patch', type, id, params };
      case 'DELETE':
        return { kind: 'delete', type, id, params };
      default:
        throw new Unrecognised(`${method} on a resource is no interaction`);
    }
  }
  if (third === '_history' && method === 'GET' && more.length === 0) {
    if (versionId === undefined) return { kind: 'history-instance', type, id, params };
    if (idPattern.test(versionId)) return { kind: 'vread', type, id, versionId, params };
  }
  if (third.startsWith('$') && versionId === undefined) return { ...operation(it, third), level: 'instance', type, id };
  throw new Unrecognised('below a resource there is only its history, a version of it, or an operation');
}

function operation({ method, params }: Route, name: string) {
  if (!operationPattern.test(name)) throw new Unrecognised('the name of the operation is not one');
  if (method !== 'GET' && method !== 'POST') throw new Unrecognised(`${method} does not call an operation`);
  const via = method === 'GET' ? ('get' as const) : ('post' as const);
  return { kind: 'operation' as const, name: name.slice(1), via, params };
}

/** `POST _search` means what stands in its URL and its body together. */
function withForm({ params, request }: Route): readonly QueryParameter[] {
  if (!formType.test(header(request, 'content-type') ?? '')) throw new Unrecognised('a search by POST is not a form');
  if (request.form === undefined) throw new Unrecognised('a search by POST has no form');
  return [...params, ...readParameters(request.form)];
}

function ifNoneExist({ request }: Route): readonly QueryParameter[] | undefined {
  const text = header(request, 'if-none-exist');
  if (text === undefined) return undefined;
  const condition = readParameters(text);
  if (condition.length === 0) throw new Unrecognised('If-None-Exist is empty');
  return condition;
}

/** A header that may stand once; twice is refused, whatever the case of its name. */
function header(request: FhirRequest, name: string): string | undefined {
  const values = Object.entries(request.headers)
    .filter(([each, value]) => each.toLowerCase() === name && value !== undefined)
    .flatMap(([, value]) => value ?? []);
  if (values.length > 1) throw new Unrecognised(`the header ${name} stands more than once`);
  return values[0];
}
