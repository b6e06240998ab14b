import type { IncomingMessage } from 'node:http';
import { ApiExcludeController, Authenticator, DirectRoutes, forbidden, malformed, Public } from '#host';
import { All, Controller, type OnModuleInit, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GatewayMeans } from '../proxy/gateway-means.js';
import { answerProxy, type ProxyAnswer } from './answer-proxy.js';
import { Decisions } from './decisions.js';

/** What Envoy is told to put before the path that it asks about (`path_prefix`). */
const PREFIX = '/ext-authz/envoy';
/** Who asks: Envoy's own token. `Authorization` is the caller's. */
const POINT = 'gatehouse-authorization';

/**
 * Envoy's HTTP `ext_authz`: 200 lets in, all else refuses. Envoy asks with the method, the path, `Authorization` and
 * `DPoP` of the request that it holds, and signs in as an enforcement point by a header of its own, which replaces a caller's.
 */
@Controller('ext-authz/envoy')
@ApiExcludeController()
@Public()
export class EnvoyAuthzController implements OnModuleInit {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly decisions: Decisions,
    private readonly means: GatewayMeans,
    private readonly direct: DirectRoutes,
  ) {}

  /** It is asked at every call that goes through Envoy (docs/adr/0024). */
  onModuleInit(): void {
    this.direct.bare(PREFIX, {
      route: `${PREFIX}/*`,
      // What the router reads in its own way is left to it.
      takes: ({ url = '' }) =>
        url.startsWith(`${PREFIX}/`) && url.length <= 2_000 && !/[%;]/.test(url.split('?', 1)[0] ?? ''),
      answer: async (request) => await this.#told(request),
    });
  }

  @All('*')
  async decide(@Req() { raw }: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    const { status, headers } = await this.#told(raw);
    void reply.status(status).headers(headers);
  }

  async #told(request: IncomingMessage): Promise<ProxyAnswer> {
    const { caller } = await this.authenticator.authenticate(request, POINT);
    if (!caller.roles.includes('enforcement-point')) throw forbidden('This is for the roles enforcement-point.');
    const { url = '', method = '', headers } = request;
    const at = url.startsWith(`${PREFIX}/`) ? this.means.at(url.slice(PREFIX.length)) : undefined;
    if (!at) throw malformed('The path is not below a FHIR endpoint.');
    const { authorization, dpop } = headers;
    const proof = Array.isArray(dpop) ? dpop.join(', ') : dpop;
    return await answerProxy(this.decisions, { ...at, method, authorization, proof });
  }
}
