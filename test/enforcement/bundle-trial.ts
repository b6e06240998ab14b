import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { BASE, GatewayInProcess, type SeenAnswer } from './gateway-in-process.js';
import { type Guarded, own, roomy } from './guarded-servers.js';
import type { ModelToken } from './model.js';

export const mine = 'Observation/observation-01-laboratory';
export const theirs = 'Observation/observation-02-laboratory';
export const to = (id: string) => ({ reference: `Patient/${id}` });
export const observation = (patient: string, more: object = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  subject: to(patient),
  ...more,
});

export interface AskedEntry {
  readonly fullUrl?: string;
  readonly resource?: object;
  readonly request: object;
}

/** An entry by its method and URL. */
export const entry = (line: string, resource?: object, more: object = {}, fullUrl?: string): AskedEntry => {
  const [method, url] = line.split(' ');
  return {
    ...(fullUrl === undefined ? {} : { fullUrl }),
    ...(resource === undefined ? {} : { resource }),
    request: { method, url: url ?? '', ...more },
  };
};

export const patch = (...operations: object[]) => ({
  resourceType: 'Binary',
  contentType: 'application/json-patch+json',
  data: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

/** A FHIRPath Patch (R4, FHIRPath Patch): it would set the status of what it is applied to. */
export const fhirPathPatch = {
  resourceType: 'Parameters',
  parameter: [
    {
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: 'Observation.status' },
        { name: 'value', valueCode: 'amended' },
      ],
    },
  ],
};

/** An XML Patch (RFC 5261) that would do the same. */
export const xmlPatch =
  '<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Observation/f:status/@value">amended</replace></diff>';

/** A Bundle as it was answered. */
export interface AnsweredBundle extends SeenAnswer {
  readonly entries: readonly {
    readonly fullUrl?: string;
    readonly resource?: Readonly<Record<string, unknown>>;
    readonly response: {
      readonly status: string;
      readonly location?: string;
      readonly etag?: string;
      readonly lastModified?: string;
      readonly outcome?: { readonly issue: readonly { readonly code: string; readonly diagnostics: string }[] };
    };
  }[];
}

/** A FHIR server, and the gateway before it, to which Bundles are sent. */
export class BundleTrial {
  private constructor(
    readonly guarded: Guarded,
    private readonly upstream: Upstream,
    readonly gateway: GatewayInProcess,
  ) {}

  static async start(listen: () => Promise<Guarded>): Promise<BundleTrial> {
    const guarded = await listen();
    const upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    const gateway = new GatewayInProcess(upstream);
    await gateway.start();
    return new BundleTrial(guarded, upstream, gateway);
  }

  async close(): Promise<void> {
    await Promise.all([this.gateway.close(), this.upstream.close()]);
    await this.guarded.close();
  }

  async send(
    type: 'batch' | 'transaction',
    entries: readonly object[],
    token: ModelToken = own,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<AnsweredBundle> {
    return await this.post({ resourceType: 'Bundle', type, entry: entries }, token, headers);
  }

  async post(
    body: object | string,
    token: ModelToken = own,
    headers: Readonly<Record<string, string>> = {},
    target = '',
  ): Promise<AnsweredBundle> {
    const answer = await this.gateway.call(token, target, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/fhir+json', ...headers },
    });
    const { entry: entries = [] } = JSON.parse(answer.text) as { readonly entry?: AnsweredBundle['entries'] };
    return { ...answer, entries };
  }

  async alone(token: ModelToken, line: string): Promise<SeenAnswer> {
    const [method = '', url = ''] = line.split(' ');
    return await this.gateway.call(token, `/${url}`, { method });
  }

  /** What the server itself says now. */
  async there(key: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const response = await fetch(`${this.guarded.base}/${key}`);
    const body = (await response.json()) as Readonly<Record<string, unknown>>;
    return response.status === 200 ? body : undefined;
  }

  /** Whether the server gets deletions: one that does not keep their versions gets none. */
  get deletes(): boolean {
    return this.guarded.deletesUnasked !== true;
  }

  /** The status of a deletion, where the server gets deletions. */
  ofDeletion(status: string): string {
    return this.deletes ? status : '403';
  }

  /** All that the server holds of a type, by id and version. */
  async versions(type: string): Promise<readonly string[]> {
    // HAPI, for one, answers a search again as it did within the last minute.
    const headers = { 'cache-control': 'no-cache' };
    const response = await fetch(`${this.guarded.base}/${type}?_count=1000`, { headers });
    interface Found {
      readonly entry?: readonly {
        readonly resource: { readonly id: string; readonly meta: { readonly versionId: string } };
      }[];
    }
    const { entry: found = [] } = (await response.json()) as Found;
    return found.map(({ resource }) => `${resource.id} ${resource.meta.versionId}`).sort();
  }

  statuses({ entries }: AnsweredBundle): readonly string[] {
    return entries.map(({ response }) => response.status);
  }
}

/** Nothing in it is another patient's, or the FHIR server's own. */
export function expectNothingForeign({ headers, text }: SeenAnswer): void {
  const all = JSON.stringify(headers) + text;
  for (const not of [
    /patient-(0[2-9]|1\d)/,
    /(observation|encounter)-(0[2-9]|1\d)/,
    /127\.0\.0\.1|HAPI[-:]|JSESSIONID/,
  ])
    expect(all).not.toMatch(not);
}

export { BASE };
