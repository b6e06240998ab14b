import {
  badRequest,
  generateId,
  getStatus,
  isOk,
  normalizeOperationOutcome,
  notFound,
  OperationOutcomeError,
  preconditionFailed,
} from '@medplum/core';
import { FhirRouter, type FhirRequest, type HttpMethod } from '@medplum/fhir-router';
import type { Bundle, OperationOutcome, Resource } from '@medplum/fhirtypes';
import { isResourceType } from '#smart';
import { capabilityStatement } from './capability-statement.js';
import { sandboxResources } from './data/sandbox-resources.js';
import { everythingAsked, everythingOf } from './patient-everything.js';
import { SandboxExports } from './sandbox-exports.js';
import { answerOperation } from './sandbox-operations.js';
import { SandboxRepository } from './sandbox-repository.js';
import { loadSearchDefinitions } from './search-definitions.js';

/** A request below the base of the server. */
export interface SandboxRequest {
  readonly method: string;
  /** Path and query below the base, as sent: `/Patient?name=a`. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface SandboxResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const methods: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);
const isMethod = (name: string): name is HttpMethod => methods.has(name);

/**
 * A FHIR R4 server in memory for development, filled with `sandboxResources`; what is written is gone when the process
 * ends. It has no access control at all: it is what a gateway stands in front of.
 */
export class SandboxFhirServer {
  private readonly router = new FhirRouter();
  private readonly exports: SandboxExports;

  private constructor(
    private readonly base: string,
    private readonly repository: SandboxRepository,
    private readonly types: readonly string[],
  ) {
    this.exports = new SandboxExports(base);
  }

  /**
   * Loads definitions (about a second, once for the process) and data.
   *
   * @param base  the URL of the server, without a slash at its end
   * @param types what can be searched for
   */
  static async start(
    base: string,
    resources: readonly Resource[] = sandboxResources(),
    types: readonly string[] = [...new Set(resources.map((it) => it.resourceType))].sort(),
  ): Promise<SandboxFhirServer> {
    loadSearchDefinitions(new Set(types));
    const repository = new SandboxRepository(base);
    for (const resource of resources) await repository.createResource(resource);
    return new SandboxFhirServer(base, repository, types);
  }

  /** Answers one request; every fault is an OperationOutcome. */
  async handle(request: SandboxRequest): Promise<SandboxResponse> {
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const [path = '', query = ''] = request.target.split(/\?(.*)/s);
    if (!isMethod(method)) return respond(405, badRequest('Unknown method'));
    if (method === 'GET' && path === '/metadata') return respond(200, capabilityStatement(this.base, this.types));
    const everything = method === 'GET' ? everythingAsked(path, query) : undefined;
    if (everything) {
      const bundle = everythingOf(everything, await this.all(), this.base);
      return bundle ? respond(200, withSelf(bundle, `${this.base}${request.target}`)) : respond(404, notFound);
    }
    if (path.includes('/$')) {
      const all = await this.all();
      const exported = this.exports.answer(method, request.target, () => all);
      if (exported) return { ...exported, body: Buffer.from(exported.body) };
      const answer = answerOperation(method, { path, query, body: request.body }, all, this.base);
      if (answer) return respond(200, answer);
    }
    const type = path.split('/').find((segment) => segment !== '');
    if (type !== undefined && !isResourceType(type)) return respond(404, notFound);
    try {
      const stale = await this.failedPrecondition({ ...request, method }, path);
      if (stale) return respond(412, stale);
      const [outcome, resource] = await this.router.handleRequest(
        fhirRequest({ ...request, method }, path, query),
        this.repository,
      );
      return this.answer({ ...request, method }, outcome, resource);
    } catch (error) {
      const outcome = normalizeOperationOutcome(error);
      return respond(getStatus(outcome), outcome);
    }
  }

  private async all(): Promise<readonly Resource[]> {
    const searches = this.types.map((type) =>
      this.repository.search({ resourceType: type as Resource['resourceType'], count: 10_000 }),
    );
    return (await Promise.all(searches)).flatMap(({ entry = [] }) => entry.flatMap(({ resource }) => resource ?? []));
  }

  /** Of preconditions the router looks at `If-Match` of an update alone; in a transaction as well. */
  private async failedPrecondition(
    { method, headers, body }: SandboxRequest,
    path: string,
  ): Promise<OperationOutcome | undefined> {
    if (method === 'DELETE') return await this.staleDeletion(path, headers['if-match']);
    if (method === 'PUT' && headers['if-none-match'] === '*')
      return (await this.isThere(path)) ? preconditionFailed : undefined;
    if (method !== 'POST' || (path !== '' && path !== '/')) return undefined;
    const { type, entry = [] } = JSON.parse(body) as Partial<Bundle>;
    for (const { request } of type === 'transaction' ? entry : [])
      if (request?.method === 'DELETE') {
        const stale = await this.staleDeletion(`/${request.url}`, request.ifMatch);
        if (stale) return stale;
      }
    return undefined;
  }

  private async isThere(path: string): Promise<boolean> {
    const [, type, id] = path.split('/');
    if (!type || !id || !isResourceType(type)) return false;
    try {
      await this.repository.readResource(type, id);
      return true;
    } catch (error) {
      if (error instanceof OperationOutcomeError) return false;
      throw error;
    }
  }

  private async staleDeletion(
    path: string,
    named: string | string[] | undefined,
  ): Promise<OperationOutcome | undefined> {
    const [, type, id] = path.split('/');
    if (named === undefined || !type || !id || !isResourceType(type)) return undefined;
    const { meta } = await this.repository.readResource(type, id);
    return named === `W/"${meta?.versionId}"` ? undefined : preconditionFailed;
  }

  private answer(request: SandboxRequest, outcome: OperationOutcome, resource: Resource | undefined): SandboxResponse {
    const status = getStatus(outcome);
    if (!resource || !isOk(outcome)) return respond(status, outcome);
    if (resource.resourceType === 'Bundle' && resource.type === 'searchset') {
      return respond(200, withSelf(resource, `${this.base}${request.target}`));
    }
    if (resource.resourceType === 'Binary' && !wantsJson(request)) {
      const headers = { 'content-type': resource.contentType, ...versionHeaders(resource) };
      return { status, headers, body: Buffer.from(resource.data ?? '', 'base64') };
    }
    const at = `${this.base}/${resource.resourceType}/${resource.id}/_history/${resource.meta?.versionId}`;
    return respond(status, resource, { ...versionHeaders(resource), ...(status === 201 ? { location: at } : {}) });
  }
}

function fhirRequest(request: SandboxRequest & { method: HttpMethod }, path: string, query: string): FhirRequest {
  const isSearch = request.method === 'POST' && path.endsWith('/_search');
  const form = isSearch ? new URLSearchParams([query, request.body].filter((it) => it !== '').join('&')) : undefined;
  return {
    method: request.method,
    url: query === '' || isSearch ? path : `${path}?${query}`,
    pathname: '',
    params: {},
    query: {},
    headers: request.headers,
    config: { transactions: true },
    body: form ? Object.fromEntries([...form.keys()].map((name) => [name, form.getAll(name)])) : readBody(request),
  };
}

function readBody({ method, target, body }: SandboxRequest): unknown {
  if (method === 'GET' || method === 'DELETE') return undefined;
  const parsed: unknown = JSON.parse(body);
  if (typeof parsed !== 'object' || parsed === null) throw new SyntaxError('the body is not a JSON object');
  const isCreation = method === 'POST' && /^\/[A-Za-z]+(\?|$)/.test(target);
  if (!isCreation) return parsed;
  // A server chooses the id of what it creates, and says itself when it was changed (R4, RESTful API, create).
  return { ...parsed, id: generateId(), meta: undefined };
}

function withSelf(bundle: Bundle, url: string): Bundle {
  return { ...bundle, link: [{ relation: 'self', url }, ...(bundle.link ?? [])] };
}

function wantsJson({ headers }: SandboxRequest): boolean {
  const accept = headers['accept'];
  return accept === undefined || /json|\*\/\*/.test(String(accept));
}

function versionHeaders({ meta }: Resource): Record<string, string> {
  if (!meta?.versionId || !meta.lastUpdated) return {};
  return { etag: `W/"${meta.versionId}"`, 'last-modified': new Date(meta.lastUpdated).toUTCString() };
}

function respond(status: number, resource: Resource, headers: Record<string, string> = {}): SandboxResponse {
  return {
    status,
    headers: { 'content-type': 'application/fhir+json; charset=utf-8', ...headers },
    body: Buffer.from(JSON.stringify(resource), 'utf8'),
  };
}
