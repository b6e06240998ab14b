import { upstreamAccessOf } from '#fhir-endpoints';
import { AskedService } from '../../apps/gateway/src/ask-rights/asked-service.js';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { AuthzenRights } from '../../apps/gateway/src/user-rights/authzen/authzen-rights.js';
import { DecisionPoint, PATIENCE_MS, type Question } from './decision-point.js';
import { BASE, GatewayInProcess, type SeenAnswer } from './gateway-in-process.js';
import { type Guarded, roomy } from './guarded-servers.js';
import type { ModelToken } from './model.js';

export const practitioner: ModelToken = {
  scopes: [{ context: 'user', type: '*', letters: 'cruds', conditions: [] }],
  fhirUser: 'Practitioner/practitioner-01',
};

/** The user treats one patient, and sees what is nobody’s. */
export const treats01 = ({ resource: { type, properties } }: Question): boolean =>
  properties.patients.length > 0
    ? properties.patients.every((it) => it === 'patient-01')
    : ['Practitioner', 'Organization', 'Medication', 'Provenance', 'Binary'].includes(type);

/** A FHIR server, and the gateway before it, which asks a decision point. */
export class RightsTrial {
  private constructor(
    readonly point: DecisionPoint,
    readonly guarded: Guarded,
    readonly gateway: GatewayInProcess,
    readonly close: () => Promise<void>,
  ) {}

  static async start(listen: () => Promise<Guarded>): Promise<RightsTrial> {
    const point = new DecisionPoint();
    const [guarded] = await Promise.all([listen(), point.start()]);
    point.decide = treats01;
    const upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    const service = new AskedService({
      name: 'pdp',
      url: point.url,
      access: upstreamAccessOf({}),
      timeoutMs: PATIENCE_MS,
      connections: 8,
      maxBytes: 1_000_000,
    });
    const rights = new AuthzenRights('pdp', service, { id: 'default', base: BASE }, 50);
    const gateway = new GatewayInProcess(upstream, [], [], {}, [], rights);
    await gateway.start();
    return new RightsTrial(point, guarded, gateway, async () => {
      await Promise.all([gateway.close(), upstream.close(), service.close(), point.close()]);
      await guarded.close();
    });
  }

  async get(target: string, token = practitioner): Promise<SeenAnswer> {
    return await this.gateway.call(token, target);
  }

  async send(
    method: string,
    target: string,
    body?: object,
    more: Readonly<Record<string, string>> = {},
  ): Promise<SeenAnswer> {
    return await this.gateway.call(practitioner, target, {
      method,
      headers: { 'content-type': 'application/fhir+json', ...more },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async bundle(type: 'batch' | 'transaction', entry: readonly object[]): Promise<SeenAnswer> {
    return await this.send('POST', '/', { resourceType: 'Bundle', type, entry });
  }

  /** The status of a deletion: a server that deletes whatever version is named is sent none. */
  ofDeletion(status: number): number {
    return this.guarded.deletesUnasked === true ? 403 : status;
  }

  /** What the server itself says now. */
  async there(key: string): Promise<Record<string, unknown> | undefined> {
    const response = await fetch(`${this.guarded.base}/${key}`);
    const body = (await response.json()) as Record<string, unknown>;
    return response.status === 200 ? body : undefined;
  }
}
