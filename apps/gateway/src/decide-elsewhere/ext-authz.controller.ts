import type { IncomingMessage } from 'node:http';
import { ApiExcludeController, CallerAdmission, DirectRoutes, malformed, Roles } from '#host';
import { All, Controller, type OnModuleInit, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GatewayMeans } from '../proxy/gateway-means.js';
import { answerProxy, type ProxyAnswer } from './answer-proxy.js';
import { Decisions } from './decisions.js';

const PATH = '/ext-authz';

/**
 * NGINX `auth_request`: 2xx lets in, 401 and 403 refuse. NGINX signs in as an enforcement point (`Authorization`), and
 * tells of the request that it holds in headers that count from nobody else: `X-Original-Method`, `X-Original-URI`,
 * `X-Original-Authorization`, and `X-Original-DPoP` for tokens that are bound to a key.
 */
@Controller('ext-authz')
@ApiExcludeController()
export class ExtAuthzController implements OnModuleInit {
  constructor(
    private readonly decisions: Decisions,
    private readonly means: GatewayMeans,
    private readonly admission: CallerAdmission,
    private readonly direct: DirectRoutes,
  ) {}

  /** It is asked at every call that goes through NGINX (docs/adr/0024). */
  onModuleInit(): void {
    this.direct.bare(PATH, {
      route: PATH,
      takes: ({ url }) => url === PATH,
      answer: async (request) => {
        await this.admission.admit(request, ['enforcement-point']);
        return await this.#told(request);
      },
    });
  }

  @All()
  @Roles('enforcement-point')
  async decide(@Req() { raw }: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    const { status, headers } = await this.#told(raw);
    void reply.status(status).headers(headers);
  }

  async #told({ headers }: IncomingMessage): Promise<ProxyAnswer> {
    const [method, uri, authorization, proof] = ['method', 'uri', 'authorization', 'dpop'].map((name) => {
      const value = headers[`x-original-${name}`];
      return Array.isArray(value) ? value.join(', ') : value;
    });
    const at = uri === undefined ? undefined : this.means.at(uri);
    if (method === undefined || !at)
      throw malformed('X-Original-Method and X-Original-URI, below a FHIR endpoint, tell of the request.');
    const answer = await answerProxy(this.decisions, { ...at, method, authorization, proof });
    // NGINX knows 401 and 403 for a refusal, and takes all else for a failure of ours: its caller would have a 500.
    return answer.status === 429 ? { ...answer, status: 403 } : answer;
  }
}
